-- one item about a whole file may be told of many of its payments
alter table discrepancy drop constraint discrepancy_answer_no_item_kind_key;
create unique index discrepancy_once
    on discrepancy (answer_no, item, kind, coalesce(payable_no, -1), coalesce(attempt, -1));
