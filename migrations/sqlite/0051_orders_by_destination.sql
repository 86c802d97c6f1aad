-- what an item without a reference may repeat: the orders to one destination with one amount
create index instruction_to on instruction (destination_no, amount_minor);
