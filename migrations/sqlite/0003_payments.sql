-- what is owed, ordered and sent

-- what has been determined, once for ever and across cycles: no list can pay it again
create table claim (
    shard bigint not null,
    period bigint not null,
    enrolment_no bigint not null,
    -- of the person and programme, because a sender may give the same enrolment another id
    person_no bigint not null,
    programme text not null,
    benefit text not null,
    component text not null,
    revision bigint not null,
    amount_minor bigint not null,
    cycle_no bigint not null,
    payable_no bigint,
    -- the payable of an earlier cycle that carried it over to this one
    carried_from bigint,
    primary key (shard, period, enrolment_no, benefit, component, revision)
) without rowid;

create table payable (
    shard bigint not null,
    payable_no bigint not null,
    cycle_no bigint not null,
    payee_no bigint not null,
    beneficiary_no bigint not null,
    destination_no bigint,
    channel text not null,
    provider text not null,
    fund text not null,
    programme text not null,
    province text not null,
    amount_minor bigint not null check (amount_minor > 0),
    line_count bigint not null,
    state text not null check (state in ('held', 'pending', 'unknown', 'paid', 'rejected', 'returned')),
    code text not null,
    batch_no bigint,
    -- the payable of a later cycle that took over its claims; it can never be reissued again
    carried_to bigint,
    primary key (shard, payable_no)
) without rowid;

create table instruction (
    shard bigint not null,
    payable_no bigint not null,
    attempt bigint not null check (attempt between 1 and 31),
    cycle_no bigint not null,
    list_no bigint not null,
    batch_no bigint not null,
    destination_no bigint not null,
    amount_minor bigint not null check (amount_minor > 0),
    state text not null,
    grade text,
    reason text,
    reason_class text,
    answer_no bigint,
    answer_item bigint,
    outcome_on text,
    primary key (shard, payable_no, attempt)
) without rowid;

-- never twice: one live order per payable. Proof of an excess payment is recorded outside it.
create unique index one_live on instruction (shard, payable_no) where state in ('in_batch', 'unknown', 'settled');

create table batch (
    cycle_no bigint not null,
    batch_no bigint not null,
    list_no bigint not null,
    channel text not null,
    provider text not null,
    format text not null,
    value_date text not null,
    file_name text not null unique,
    message_id text not null unique,
    item_count bigint not null,
    total_minor bigint not null,
    sha256 text,
    file_bytes bigint,
    state text not null,
    primary key (cycle_no, batch_no)
);

-- one sending of one file; written before a byte leaves
create table delivery (
    cycle_no bigint not null,
    batch_no bigint not null,
    delivery_no bigint not null,
    started_at text not null,
    ended_at text,
    outcome text not null,
    detail text not null,
    primary key (cycle_no, batch_no, delivery_no)
);
