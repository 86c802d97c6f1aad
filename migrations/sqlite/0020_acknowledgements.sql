-- that a partner has a file, accepts it, has carried it out: the first answer that said so
create table acknowledgement (
    cycle_no bigint not null,
    batch_no bigint not null,
    kind text not null check (kind in ('received', 'accepted', 'executed')),
    acknowledged_at text not null,
    answer_no bigint not null,
    primary key (cycle_no, batch_no, kind)
);
