//! An XML file as a stream of elements that end, for the sandbox's readers of ISO 20022.
//!
//! Reads: bytes. Gives: each element when it ends, with its path, its text and its currency. What is no whole
//! document, or too deep, too long or with a document type, is refused.

use std::io::{self, BufReader, Read};

use quick_xml::events::{BytesStart, Event};

use super::payout_file::{PIECE_BYTES_MAX, Refusal, Stop};

const DEPTH_MAX: usize = 32;

/// An element that has ended.
pub(super) struct Ended<'e> {
    /// The names of the open elements and of this one, each behind a stroke.
    pub path: &'e str,
    /// Without blanks around it.
    pub text: &'e str,
    /// The attribute `Ccy`, where an amount has it.
    pub currency: &'e str,
}

/// Walks through one document whose namespace is wanted.
pub(super) fn walk(
    input: impl Read,
    is_wanted: &dyn Fn(&str) -> bool,
    take: &mut dyn FnMut(Ended<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(input));
    let mut buffer = Vec::new();
    let mut place = Place::default();
    let mut seen_document = false;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(xml_stop)?;
        match event {
            Event::Start(element) => {
                if place.path.is_empty() {
                    document_must_be_wanted(&element, seen_document, is_wanted)?;
                    seen_document = true;
                }
                place.open(&element)?;
            }
            Event::Empty(element) => {
                if place.path.is_empty() {
                    return Err(Refusal::FileMustBeReadable.into());
                }
                place.open(&element)?;
                place.close(take)?;
            }
            Event::End(_) => place.close(take)?,
            Event::Text(text) => place.text.push_str(&text.xml10_content()),
            Event::CData(text) => place.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character),
                    Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference)
                        .and_then(|text| text.chars().next()),
                    Err(_) => None,
                };
                place.text.push(character.ok_or(Refusal::FileMustBeReadable)?);
            }
            Event::DocType(_) => return Err(Refusal::FileMustBeReadable.into()),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
        if place.text.len() > PIECE_BYTES_MAX {
            return Err(Refusal::FileMustBeReadable.into());
        }
    }
    match seen_document && place.path.is_empty() {
        true => Ok(()),
        false => Err(Refusal::FileMustBeWhole.into()),
    }
}

/// Where a document is being read.
#[derive(Default)]
struct Place {
    path: String,
    depth: usize,
    text: String,
    currency: String,
}

impl Place {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), Refusal> {
        if self.depth >= DEPTH_MAX {
            return Err(Refusal::FileMustBeReadable);
        }
        let currency = element.try_get_attribute("Ccy").ok().flatten();
        self.currency = currency.map_or_else(String::new, |found| found.value.to_string());
        self.depth += 1;
        self.path.push('/');
        self.path.push_str(element.local_name().as_ref());
        self.text.clear();
        Ok(())
    }

    fn close(&mut self, take: &mut dyn FnMut(Ended<'_>) -> Result<(), Stop>) -> Result<(), Stop> {
        let (text, currency) = (std::mem::take(&mut self.text), std::mem::take(&mut self.currency));
        take(Ended { path: &self.path, text: text.trim(), currency: &currency })?;
        // An end without a beginning is refused by the parser.
        self.path.truncate(self.path.rfind('/').unwrap_or(0));
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }
}

fn document_must_be_wanted(
    element: &BytesStart<'_>,
    again: bool,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<(), Refusal> {
    let namespace = element.try_get_attribute("xmlns").ok().flatten();
    let right = namespace.is_some_and(|found| is_wanted(&found.value));
    match right && !again && element.local_name().as_ref() == "Document" {
        true => Ok(()),
        false => Err(Refusal::FileMustBeReadable),
    }
}

fn xml_stop(error: quick_xml::Error) -> Stop {
    use quick_xml::errors::{IllFormedError, SyntaxError};
    match error {
        quick_xml::Error::Io(error) => {
            let kind = error.kind();
            Stop::from(io::Error::new(kind, error))
        }
        quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
            Refusal::FileMustBeWhole.into()
        }
        quick_xml::Error::Syntax(
            SyntaxError::UnclosedTag
            | SyntaxError::UnclosedSingleQuotedAttributeValue
            | SyntaxError::UnclosedDoubleQuotedAttributeValue,
        ) => Refusal::FileMustBeWhole.into(),
        _ => Refusal::FileMustBeReadable.into(),
    }
}
