-- of which order a transaction was told: one that is told for another order cannot have paid both
create index transaction_told_reference on transaction_told (provider, reference);

-- the file that a discrepancy is about, when it is about a whole one
alter table discrepancy add column cycle_no bigint;
alter table discrepancy add column batch_no bigint;
