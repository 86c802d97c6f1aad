-- what of people's benefits is kept back for others by orders of courts

-- one paper against one person. What stands on it is personal and sealed; `paper` is a keyed hash by which the
-- same paper is known again. One officer proposes and another confirms; two end it, because from then on the
-- debtor is paid more; what was never confirmed is withdrawn by one
create table court_order (
    order_no bigint not null primary key,
    shard bigint not null,
    person_no bigint not null,
    record blob not null,
    paper text not null,
    state text not null check (state in ('proposed', 'confirmed', 'withdrawn', 'ended')),
    proposed_by text not null,
    proposed_at text not null,
    confirmed_by text,
    confirmed_at text,
    end_reason blob,
    end_proposed_by text,
    end_proposed_at text,
    ended_by text,
    ended_at text,
    check (confirmed_by is null or confirmed_by <> proposed_by),
    check (state in ('proposed', 'withdrawn') or confirmed_by is not null),
    check (state <> 'ended' or (ended_by is not null and end_proposed_by is not null and ended_by <> end_proposed_by))
) without rowid;

create unique index one_paper on court_order (shard, person_no, paper) where state in ('proposed', 'confirmed');

-- what a payable was reduced by for an order, out of the benefits of one month: a negative amount. It is kept
-- when the payable is paid, and stands for nothing once the payable's claims were carried to another list
create table court_deduction (
    shard bigint not null,
    payable_no bigint not null,
    order_no bigint not null,
    period bigint not null,
    cycle_no bigint not null,
    amount_minor bigint not null check (amount_minor < 0),
    primary key (shard, payable_no, order_no, period)
) without rowid;

create index court_deduction_of on court_deduction (order_no);
create index court_deduction_of_cycle on court_deduction (cycle_no);

-- what the office has transferred to a creditor. One that was a mistake is taken back by two and stays to be
-- seen; one voucher counts once, however it is typed
create table court_transfer (
    transfer_no bigint not null primary key,
    order_no bigint not null,
    amount_minor bigint not null check (amount_minor > 0),
    voucher text not null,
    compared text not null,
    transferred_on text not null,
    recorded_by text not null,
    recorded_at text not null,
    take_back_reason blob,
    take_back_proposed_by text,
    take_back_proposed_at text,
    taken_back_by text,
    taken_back_at text,
    check (taken_back_by is null or taken_back_by <> take_back_proposed_by)
) without rowid;

create unique index transfer_counts_once on court_transfer (order_no, compared) where taken_back_at is null;

-- on which entry of a statement a transfer stands, once; an entry may have several
create table court_transfer_entry (
    transfer_no bigint not null primary key,
    statement_no bigint not null,
    entry_no bigint not null
) without rowid;

create table statement_share_of_transfers (
    statement_no bigint not null,
    kind text not null check (kind in ('debit', 'return', 'reversal', 'funds', 'receipt', 'transfer', 'fee', 'tax',
        'unexplained')),
    cycle_no bigint not null,
    batch_no bigint not null,
    entry_count bigint not null,
    payment_count bigint not null,
    total_minor bigint not null,
    primary key (statement_no, kind, cycle_no, batch_no)
);

insert into statement_share_of_transfers
    (statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor)
select statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor from statement_share;

drop table statement_share;

alter table statement_share_of_transfers rename to statement_share;
