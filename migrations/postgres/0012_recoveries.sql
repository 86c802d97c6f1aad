-- money that is got back, and what the schedule has fired

-- what a payable was reduced by: a negative amount. It is got back when the payable is paid, and stands for
-- nothing once the payable's claims were carried to another list
create table recovery (
    shard bigint not null,
    payable_no bigint not null,
    receivable_no bigint not null,
    cycle_no bigint not null,
    amount_minor bigint not null check (amount_minor < 0),
    primary key (shard, payable_no, receivable_no)
);

create index recovery_of on recovery (receivable_no);

-- money that came back outside: paid in by the person or by the estate
create table receipt (
    receipt_no bigint not null primary key,
    receivable_no bigint not null,
    source text not null check (source in ('person', 'estate')),
    amount_minor bigint not null check (amount_minor > 0),
    reference text not null,
    received_on text not null,
    recorded_by text not null,
    recorded_at text not null,
    unique (receivable_no, reference)
);

-- given up by two persons; the reason is sealed
create table write_off (
    receivable_no bigint not null primary key,
    amount_minor bigint not null check (amount_minor > 0),
    reason bytea not null,
    proposed_by text not null,
    proposed_at text not null,
    confirmed_by text,
    confirmed_at text,
    check (confirmed_by is null or confirmed_by <> proposed_by)
);

-- a rule of the schedule fires once for a day on which it is due, whatever the clock did and however many
-- processes look
create table fire (
    rule text not null,
    due_on text not null,
    what text not null,
    fired_at text not null,
    state text not null check (state in ('started', 'done', 'reminded', 'failed')),
    detail text not null,
    primary key (rule, due_on)
);
