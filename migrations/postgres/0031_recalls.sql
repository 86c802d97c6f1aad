-- payments that have left and are asked back: one officer proposes, another confirms. No order and no payable
-- changes with it; the money is back when a return says so
create table recall (
    recall_no bigint not null primary key,
    shard bigint not null,
    payable_no bigint not null,
    attempt bigint not null,
    cycle_no bigint not null,
    batch_no bigint not null,
    provider text not null,
    amount_minor bigint not null check (amount_minor > 0),
    reason_code text not null,
    reason bytea not null,
    by_letter bigint not null check (by_letter in (0, 1)),
    state text not null check (state in ('proposed', 'declined', 'confirmed', 'sent', 'pending', 'partly', 'accepted',
        'refused', 'over', 'given_up')),
    proposed_by text not null,
    proposed_at text not null,
    decided_by text,
    decided_at text,
    asked_at text,
    answered_at text,
    answer_no bigint,
    answer_item bigint,
    answer_reason text,
    ended_by text,
    ended_at text,
    -- sealed, of one that an officer gave up
    ended_reason bytea,
    check (decided_by is null or decided_by <> proposed_by),
    check (state in ('proposed', 'over') or decided_by is not null)
);

-- an order is asked back once at a time
create unique index one_recall on recall (shard, payable_no, attempt)
    where state in ('proposed', 'confirmed', 'sent', 'pending', 'partly', 'accepted');
create index recall_of_cycle on recall (cycle_no);

-- what leaves for it, and beside the plain file the copy that is sealed for the partner
create table recall_file (
    recall_no bigint not null primary key,
    provider text not null,
    format text not null,
    file_name text not null unique,
    message_id text not null unique,
    created_at text not null,
    sha256 text not null,
    file_bytes bigint not null,
    sealed_name text unique,
    sealed_sha256 text,
    sealed_bytes bigint,
    state text not null check (state in ('released', 'sending', 'delivered', 'unknown', 'withdrawn'))
);

create table recall_delivery (
    recall_no bigint not null,
    delivery_no bigint not null,
    started_at text not null,
    ended_at text,
    outcome text not null,
    detail text not null,
    primary key (recall_no, delivery_no)
);
