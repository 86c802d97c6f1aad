-- recalls are found by the payment that they ask back
create index recall_of_payable on recall (shard, payable_no);
