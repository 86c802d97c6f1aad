-- a keyed hash of what stood on the row, and in the register, that an officer decided about; null of a payable,
-- and of what was decided before this was kept
alter table resolution add column seen bigint;

-- a receipt that was a mistake is taken back by two persons and stays to be seen. One voucher counts once, however
-- it is typed: what is compared is the reference without its blanks and capitals
create table receipt_kept (
    receipt_no bigint not null primary key,
    receivable_no bigint not null,
    source text not null check (source in ('person', 'estate')),
    amount_minor bigint not null check (amount_minor > 0),
    reference text not null,
    compared text not null,
    received_on text not null,
    recorded_by text not null,
    recorded_at text not null,
    take_back_reason bytea,
    take_back_proposed_by text,
    take_back_proposed_at text,
    taken_back_by text,
    taken_back_at text,
    check (taken_back_by is null or taken_back_by <> take_back_proposed_by)
);

insert into receipt_kept
    (receipt_no, receivable_no, source, amount_minor, reference, compared, received_on, recorded_by, recorded_at)
    select receipt_no, receivable_no, source, amount_minor, reference, reference, received_on, recorded_by, recorded_at
    from receipt;

drop table receipt;

alter table receipt_kept rename to receipt;

create unique index receipt_counts_once on receipt (receivable_no, compared) where taken_back_at is null;
