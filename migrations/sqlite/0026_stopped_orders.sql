-- orders that a partner stopped for good: whom the next lists hold
create index stopped_orders on instruction (shard) where reason_class = 'stop';
