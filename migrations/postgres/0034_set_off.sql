-- money for a claim that a list raised again while what was paid for it was still to be got back: it is the same
-- money, and nothing of it is paid. The claim has no payable
create table set_off (
    shard bigint not null,
    period bigint not null,
    enrolment_no bigint not null,
    benefit text not null,
    component text not null,
    revision bigint not null,
    receivable_no bigint not null,
    cycle_no bigint not null,
    amount_minor bigint not null check (amount_minor > 0),
    primary key (shard, period, enrolment_no, benefit, component, revision, receivable_no)
);

create index set_off_of on set_off (receivable_no);
