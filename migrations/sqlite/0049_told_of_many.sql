-- one item about a whole file may be told of many of its payments
create table discrepancy_of_many (
    discrepancy_no bigint not null primary key,
    kind text not null,
    provider text not null,
    answer_no bigint not null,
    item bigint not null,
    payable_no bigint,
    attempt bigint,
    expected_minor bigint,
    reported_minor bigint,
    detail text not null,
    opened_at text not null,
    state text not null check (state in ('open', 'resolved')),
    resolved_by text,
    resolved_at text,
    reason blob,
    cycle_no bigint,
    batch_no bigint
);
insert into discrepancy_of_many (discrepancy_no, kind, provider, answer_no, item, payable_no, attempt, expected_minor,
    reported_minor, detail, opened_at, state, resolved_by, resolved_at, reason, cycle_no, batch_no)
    select discrepancy_no, kind, provider, answer_no, item, payable_no, attempt, expected_minor,
    reported_minor, detail, opened_at, state, resolved_by, resolved_at, reason, cycle_no, batch_no from discrepancy;
drop table discrepancy;
alter table discrepancy_of_many rename to discrepancy;
create unique index discrepancy_once
    on discrepancy (answer_no, item, kind, coalesce(payable_no, -1), coalesce(attempt, -1));
