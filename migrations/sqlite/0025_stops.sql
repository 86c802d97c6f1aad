-- the stop annex: payments of a sealed list that one officer wants stopped and another confirms. A file
-- with a proposed stop does not leave
create table stop (
    stop_no bigint not null,
    shard bigint not null,
    payable_no bigint not null,
    attempt bigint not null,
    cycle_no bigint not null,
    batch_no bigint not null,
    reason blob not null,
    state text not null check (state in ('proposed', 'confirmed', 'refused')),
    proposed_by text not null,
    proposed_at text not null,
    ended_by text,
    ended_at text,
    primary key (stop_no, shard, payable_no),
    check (ended_by is null or ended_by <> proposed_by),
    check ((state = 'proposed') = (ended_by is null))
) without rowid;

create unique index one_stop on stop (shard, payable_no) where state = 'proposed';
create index stop_of_batch on stop (cycle_no, batch_no) where state = 'proposed';
