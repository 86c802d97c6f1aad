-- the month: what is computed, listed and approved

create table cycle (
    cycle_no bigint not null primary key check (cycle_no between 1 and 1048575),
    authority_no bigint not null,
    period bigint not null,
    kind text not null check (kind in ('regular', 'supplementary', 'correction')),
    sequence bigint not null,
    state text not null,
    law_known_at text not null,
    value_date text not null,
    roster_import bigint not null,
    identity_import bigint not null,
    opened_at text not null,
    opened_by text not null,
    manifest text,
    sealed_at text,
    closed_at text,
    cancelled_for blob,
    unique (authority_no, period, kind, sequence)
);

-- two regular lists for one month would pay everyone twice
create unique index one_regular on cycle (authority_no, period) where kind = 'regular' and state <> 'cancelled';

-- which units of a stage are done; written with the unit's own rows
create table work (
    cycle_no bigint not null,
    stage text not null,
    unit bigint not null,
    done_at text not null,
    primary key (cycle_no, stage, unit)
) without rowid;

-- rows of the roster by outcome; sums to the rows listed
create table tally (
    cycle_no bigint not null,
    shard bigint not null,
    outcome text not null check (outcome in ('refused', 'ceased', 'held', 'nil', 'entitled')),
    code text not null,
    programme text not null,
    province text not null,
    row_count bigint not null,
    primary key (cycle_no, shard, outcome, code, programme, province)
) without rowid;

-- a row that is not entitled, or a payable that is held: the reason, the place, and what was decided
create table exception (
    shard bigint not null,
    cycle_no bigint not null,
    exception_no bigint not null,
    subject text not null check (subject in ('row', 'payable')),
    outcome text not null check (outcome in ('refused', 'ceased', 'held', 'nil')),
    code text not null,
    person_no bigint not null,
    enrolment_no bigint,
    payable_no bigint,
    source_line bigint,
    detail text not null,
    primary key (shard, cycle_no, exception_no)
) without rowid;

-- an officer's decision on a hold; it counts for the next computation of the same enrolment or payee,
-- and when it takes two persons, only once another officer has confirmed it. The reason is sealed
create table resolution (
    resolution_no bigint not null primary key,
    subject_no bigint not null,
    code text not null,
    decision text not null check (decision in ('release', 'keep')),
    valid_to bigint not null,
    reason blob not null,
    decided_by text not null,
    decided_at text not null,
    persons bigint not null check (persons in (1, 2)),
    confirmed_by text,
    confirmed_at text,
    check (confirmed_by is null or (persons = 2 and confirmed_by <> decided_by))
);

-- what is approved: list 0 is the month, the others release reissues and lifted holds
create table payment_list (
    cycle_no bigint not null,
    list_no bigint not null,
    state text not null,
    digest text not null,
    body text not null,
    sealed_at text not null,
    primary key (cycle_no, list_no)
);

-- the maker's row already holds the key, so the database refuses that the maker approves
create table signature (
    cycle_no bigint not null,
    list_no bigint not null,
    digest text not null,
    officer text not null,
    act text not null check (act in ('submit', 'approve')),
    signature text not null,
    signed_at text not null,
    voided_at text,
    primary key (cycle_no, list_no, digest, officer)
);

create unique index one_maker on signature (cycle_no, list_no, digest) where act = 'submit';
