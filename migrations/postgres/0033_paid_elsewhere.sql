-- the payables of those who are paid through somebody of another shard, to count people shard by shard
create index payable_elsewhere on payable (cycle_no, beneficiary_no) where beneficiary_no >> 55 <> shard;
