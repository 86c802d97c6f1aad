-- what came back

create table answer (
    answer_no bigint not null primary key,
    provider text not null,
    file_name text not null,
    sha256 text not null unique,
    format text not null,
    received_at text not null,
    item_count bigint not null,
    applied_count bigint not null,
    state text not null check (state in ('applying', 'applied', 'refused')),
    detail text not null
);

-- an item that fits nothing, contradicts what is held, or has another amount: a queue with an age
create table discrepancy (
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
    unique (answer_no, item, kind)
);

create table receivable (
    receivable_no bigint not null primary key,
    cause text not null,
    person_no bigint not null,
    payable_no bigint,
    attempt bigint,
    amount_minor bigint not null check (amount_minor > 0),
    opened_at text not null,
    state text not null check (state in ('open', 'recovered', 'written_off')),
    unique (payable_no, attempt, cause)
);

-- put by one person or by evidence, lifted by two
create table halt (
    halt_no bigint not null primary key,
    scope text not null,
    cause text not null,
    put_by text not null,
    put_at text not null,
    first_lift_by text,
    second_lift_by text,
    lifted_at text,
    check (second_lift_by is null or second_lift_by <> first_lift_by)
);

create unique index one_halt on halt (scope) where lifted_at is null;

-- unknown at closing: claims stay locked until evidence, or two persons, decide
create table suspense (
    shard bigint not null,
    payable_no bigint not null,
    cycle_no bigint not null,
    amount_minor bigint not null,
    entered_at text not null,
    primary key (shard, payable_no)
) without rowid;
