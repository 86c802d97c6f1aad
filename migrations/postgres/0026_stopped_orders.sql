-- orders that a partner or officers stopped for good: whom the next lists hold
create index stopped_by_partner on instruction (shard) where reason_class = 'stop';
create index stopped_by_officers on instruction (shard) where reason = 'stopped';
