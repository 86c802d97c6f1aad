-- who and what is known between the months

-- numbers that are counted rather than derived; read and raised inside the transaction that uses them
create table counter (
    name text not null primary key,
    next bigint not null
);

-- one row per source file; the same bytes are taken in once for a period, whatever their name.
-- read_with is the register by which a roster was read (0 for a register): under a newer one the same
-- roster may be taken in again, since old ids may mean other people
create table import (
    import_no bigint not null primary key,
    kind text not null check (kind in ('roster', 'identity')),
    period bigint not null,
    sha256 text not null,
    read_with bigint not null,
    file_name text not null,
    state text not null check (state in ('loading', 'complete')),
    rows_read bigint not null,
    rows_refused bigint not null,
    imported_at text not null,
    imported_by text not null,
    unique (kind, period, sha256, read_with)
);

-- sealed, compressed and hashed bundles of rows: what was read, what was decided, what is paid to whom.
-- owner is an import or a cycle, as the kind says.
create table chunk (
    shard bigint not null,
    kind text not null,
    owner bigint not null,
    seq bigint not null,
    item_count bigint not null,
    sha256 text not null,
    body blob not null,
    primary key (shard, kind, owner, seq)
);

-- check_hash is a second hash of what the number was made from: two people on one number are found by it
create table person (
    shard bigint not null,
    person_no bigint not null,
    check_hash bigint not null,
    first_cycle bigint not null,
    sealed blob not null,
    primary key (shard, person_no)
) without rowid;

-- another number that means the same person; a link, nothing is renamed
create table alias (
    alias_no bigint not null primary key,
    person_no bigint not null,
    reason text not null,
    decided_by text not null,
    decided_at text not null
);

-- an enrolment belongs to one person for ever; its shard is its own hash
create table enrolment (
    shard bigint not null,
    enrolment_no bigint not null,
    person_no bigint not null,
    first_import bigint not null,
    primary key (shard, enrolment_no)
) without rowid;

-- where a payee can be paid; the number is a keyed hash of channel, provider and account
create table destination (
    shard bigint not null,
    person_no bigint not null,
    destination_no bigint not null,
    channel text not null,
    provider text not null,
    first_period bigint not null,
    confirmed_by text,
    confirmed_at text,
    ended_at text,
    sealed blob not null,
    primary key (shard, person_no, destination_no)
) without rowid;

-- officers sign with their own keys; the office keeps only the public half
create table officer (
    name text not null primary key,
    role text not null check (role in ('officer', 'approver', 'auditor', 'operator', 'viewer')),
    public_key text not null unique,
    enrolled_at text not null,
    ended_at text
);
