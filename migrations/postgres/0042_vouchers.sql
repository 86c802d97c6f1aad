-- money that was paid back is found on statements by its voucher

alter table statement_share drop constraint statement_share_kind_check;

alter table statement_share add constraint statement_share_kind_check
    check (kind in ('debit', 'return', 'reversal', 'funds', 'receipt', 'fee', 'tax', 'unexplained'));

-- on which entry the money of a receipt stands, once; an entry may have several
create table receipt_entry (
    receipt_no bigint not null primary key,
    statement_no bigint not null,
    entry_no bigint not null
);
