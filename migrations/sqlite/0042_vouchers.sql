-- money that was paid back is found on statements by its voucher

create table statement_share_of_vouchers (
    statement_no bigint not null,
    kind text not null check (kind in ('debit', 'return', 'reversal', 'funds', 'receipt', 'fee', 'tax', 'unexplained')),
    cycle_no bigint not null,
    batch_no bigint not null,
    entry_count bigint not null,
    payment_count bigint not null,
    total_minor bigint not null,
    primary key (statement_no, kind, cycle_no, batch_no)
);

insert into statement_share_of_vouchers
    (statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor)
select statement_no, kind, cycle_no, batch_no, entry_count, payment_count, total_minor from statement_share;

drop table statement_share;

alter table statement_share_of_vouchers rename to statement_share;

-- on which entry the money of a receipt stands, once; an entry may have several
create table receipt_entry (
    receipt_no bigint not null primary key,
    statement_no bigint not null,
    entry_no bigint not null
);
