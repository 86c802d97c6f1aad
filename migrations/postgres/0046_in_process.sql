-- what its partner has said last that it carries out, by file: ageing asks when that was said
create index in_process on instruction (cycle_no, batch_no, shard)
    where state = 'in_batch' and reason = 'in_process';
