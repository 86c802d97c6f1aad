-- what two officers decide about payments of which no answer tells the fate; one row a payment, and
-- what was decided at once has one number
create table fate (
    decision_no bigint not null,
    shard bigint not null,
    payable_no bigint not null,
    attempt bigint not null,
    cycle_no bigint not null,
    verdict text not null check (verdict in ('paid', 'not_paid')),
    reason bytea not null,
    state text not null check (state in ('proposed', 'confirmed', 'withdrawn')),
    proposed_by text not null,
    proposed_at text not null,
    confirmed_by text,
    confirmed_at text,
    primary key (decision_no, shard, payable_no, attempt),
    check (confirmed_by is null or confirmed_by <> proposed_by),
    check ((state = 'confirmed') = (confirmed_by is not null))
);

create unique index one_proposal on fate (shard, payable_no, attempt) where state = 'proposed';
