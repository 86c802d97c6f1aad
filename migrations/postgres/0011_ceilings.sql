-- what holds a file back before it leaves

-- money that left on a day, for the office and for each partner. A ceiling is held by the statement that raises
-- the total, in the transaction that records the attempt
create table outflow (
    scope text not null,
    day text not null,
    total_minor bigint not null check (total_minor >= 0),
    primary key (scope, day)
);

-- a file counts once a day, however often it is tried
create table outflow_counted (
    cycle_no bigint not null,
    batch_no bigint not null,
    day text not null,
    primary key (cycle_no, batch_no, day)
);

-- money that was made available to a partner before it pays
create table funds (
    funds_no bigint not null primary key,
    provider text not null,
    amount_minor bigint not null check (amount_minor > 0),
    cleared_on text not null,
    reference text not null,
    recorded_by text not null,
    recorded_at text not null,
    unique (provider, reference)
);

-- how many failures of a cycle stopped a partner last: only more of them stop it again
create table breaker (
    cycle_no bigint not null,
    provider text not null,
    failed_count bigint not null,
    primary key (cycle_no, provider)
);

-- few of many: money that did not arrive or came back
create index money_back on instruction (cycle_no, batch_no, state, amount_minor)
    where state in ('rejected', 'returned', 'cancelled', 'excess_returned');
