//! The cash that organisations have of ours: what was drawn for them, paid at their pay points and sent back,
//! and what is to be drawn for their next lists.

use crate::domain::roster::Channel;
use crate::engine::config::Provider;
use crate::engine::funds::first_draw;
use crate::engine::{Engine, EngineError};
use crate::pipeline::cash_left::CashBooks;

impl Engine {
    /// Our books of every organisation that pays cash, by name.
    pub async fn cash_left(&self) -> Result<Vec<(String, CashBooks)>, EngineError> {
        let mut left = Vec::new();
        for provider in self.config.providers.iter().filter(|one| one.channel == Channel::Cash) {
            left.push((provider.name.clone(), self.cash_books(provider).await?));
        }
        Ok(left)
    }

    /// Our books of one organisation. What left before the day of its first draw is in that draw.
    pub(super) async fn cash_books(&self, provider: &Provider) -> Result<CashBooks, EngineError> {
        let today = self.clock.today().to_string();
        let mut books = CashBooks {
            next: i128::from(self.store.not_sent_yet(&provider.name).await?),
            ..CashBooks::default()
        };
        let records = self.store.funds(Some(&provider.name)).await?;
        let Some(first) = first_draw(&records) else { return Ok(books) };
        for one in records.iter().filter(|one| one.cleared_on <= today) {
            match one.is_given_back {
                true => books.given_back += i128::from(one.amount_minor),
                false => books.drawn += i128::from(one.amount_minor),
            }
        }
        let (paid, open) = self.store.cash_out(&provider.name, first).await?;
        // What an entry of a statement gave back of its files needs no record of its own.
        let returned = self.store.given_back_of_files(&provider.name, first).await?;
        books.given_back += i128::from(returned);
        (books.paid, books.open) = (i128::from(paid), i128::from(open));
        Ok(books)
    }
}
