-- by which of its transactions a partner said, in one of its formats, that an order was paid or our account
-- debited for it: another transaction for the same order may be a second payment
create table transaction_told (
    shard bigint not null,
    payable_no bigint not null,
    attempt bigint not null,
    provider text not null,
    format text not null,
    reference text not null,
    answer_no bigint not null,
    item bigint not null,
    primary key (shard, payable_no, attempt, provider, format, reference)
) without rowid;

-- how many items of an answer said once more what was known
alter table answer add column repeated_count bigint not null default 0;
