//! A Rust file as the tidy checks see it: its words without comments and string contents, which
//! of them are test-only, and the paths it names.
//!
//! Reads: source text. Gives: `Code`. It is a reader of tokens, not a parser: enough to tell a
//! path from a comment that mentions one.

/// One word, number or punctuation mark, with the line it stands on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path as written or as a `use` tree unfolds to: `["std", "fs", "File"]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedPath {
    pub segments: Vec<String>,
    pub line: usize,
}

/// The words of a file.
pub struct Code {
    pub tokens: Vec<Token>,
}

impl Code {
    pub fn read(text: &str) -> Code {
        Code { tokens: tokens(text) }
    }

    /// The same without what is compiled for tests only: items under `#[cfg(test)]` or `#[test]`.
    pub fn without_tests(&self) -> Code {
        let mut kept = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            match test_attribute_end(&self.tokens, at) {
                Some(end) => at = item_end(&self.tokens, end),
                None => {
                    kept.push(self.tokens[at].clone());
                    at += 1;
                }
            }
        }
        Code { tokens: kept }
    }

    /// Every path with at least two segments, and the leaves of every `use` tree.
    pub fn paths(&self) -> Vec<NamedPath> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            if is_word(&self.tokens[at].text) {
                at = unfold(&self.tokens, at, &[], &mut paths);
            } else {
                at += 1;
            }
        }
        paths.retain(|path| path.segments.len() > 1);
        paths
    }

    /// The lines where these tokens follow each other.
    pub fn lines_with(&self, sequence: &[&str]) -> Vec<usize> {
        self.tokens
            .windows(sequence.len())
            .filter(|window| window.iter().zip(sequence).all(|(token, text)| token.text == *text))
            .map(|window| window[0].line)
            .collect()
    }
}

pub fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
}

/// Follows a path from `at`, unfolding `{…}` groups; returns the index after it.
fn unfold(tokens: &[Token], at: usize, prefix: &[String], paths: &mut Vec<NamedPath>) -> usize {
    let text = |index: usize| tokens.get(index).map(|token| token.text.as_str());
    let mut segments = prefix.to_vec();
    let mut next = at;
    loop {
        match text(next) {
            Some(word) if is_word(word) => {
                segments.push(word.to_string());
                next += 1;
            }
            Some("*") if next > at => next += 1,
            Some("{") if next > at || !prefix.is_empty() => {
                next += 1;
                while let Some(inside) = text(next) {
                    match inside {
                        "}" => return next + 1,
                        "," => next += 1,
                        "::" => next += 1,
                        "as" => next += 2,
                        _ if is_word(inside) || inside == "*" || inside == "{" => {
                            next = unfold(tokens, next, &segments, paths);
                        }
                        _ => return next,
                    }
                }
                return next;
            }
            _ => {
                next = next.max(at + 1);
                break;
            }
        }
        match text(next) {
            Some("::") => next += 1,
            _ => break,
        }
    }
    paths.push(NamedPath { segments, line: tokens[at].line });
    next
}

/// The index after `#[cfg(test)]`, `#[cfg(any(test, …))]` or `#[test]`, when one begins at `at`.
fn test_attribute_end(tokens: &[Token], at: usize) -> Option<usize> {
    let text = |index: usize| tokens.get(index).map(|token| token.text.as_str());
    if text(at) != Some("#") || text(at + 1) != Some("[") {
        return None;
    }
    let end = closing(tokens, at + 1);
    let inside: Vec<&str> = tokens[at + 2..end].iter().map(|token| token.text.as_str()).collect();
    let for_tests = match inside.first() {
        Some(&"cfg") => inside.contains(&"test") && !inside.contains(&"not"),
        Some(&"test") => inside.len() == 1,
        _ => false,
    };
    for_tests.then_some(end + 1)
}

/// The index after the item that begins at `at`: past further attributes, to its `;` or `}`.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            // The end of the struct or list in which a single member was marked.
            "}" => return at,
            "{" => return closing(tokens, at) + 1,
            "(" | "[" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    at
}

/// The index of the bracket that closes the one at `at`; the last token when none does.
fn closing(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len() - 1
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let first = chars[at];
        let next = chars.get(at + 1).copied();
        let mut kept = None;
        if first == '/' && next == Some('/') {
            at = skip_until(&chars, at, |chars, at| chars[at] == '\n');
        } else if first == '/' && next == Some('*') {
            at = block_comment_end(&chars, at);
        } else if let Some(end) = raw_string_end(&chars, at) {
            at = end;
            kept = Some("\"\"".to_string());
        } else if first == '"' || (matches!(first, 'b' | 'c') && next == Some('"')) {
            at = quoted_end(&chars, at + usize::from(first != '"'), '"');
            kept = Some("\"\"".to_string());
        } else if first == '\'' && is_character(&chars, at) {
            at = quoted_end(&chars, at, '\'');
            kept = Some("''".to_string());
        } else if first.is_alphabetic() || first == '_' {
            at = skip_until(&chars, at, |chars, at| !is_name(chars[at]));
            kept = Some(chars[start..at].iter().collect());
        } else if first.is_ascii_digit() {
            let after_dot = tokens.last().is_some_and(|token| token.text == ".");
            at = number_end(&chars, at, after_dot);
            kept = Some(chars[start..at].iter().collect());
        } else if first == ':' && next == Some(':') {
            at += 2;
            kept = Some("::".to_string());
        } else {
            at += 1;
            kept = (!first.is_whitespace()).then(|| first.to_string());
        }
        if let Some(text) = kept {
            tokens.push(Token { text, line });
        }
        line += chars[start..at].iter().filter(|character| **character == '\n').count();
    }
    tokens
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn skip_until(chars: &[char], mut at: usize, stop: impl Fn(&[char], usize) -> bool) -> usize {
    while at < chars.len() && !stop(chars, at) {
        at += 1;
    }
    at
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// The end of `r"…"`, `r#"…"#`, `br"…"` when one begins at `at`.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let after_prefix = match (chars[at], chars.get(at + 1)) {
        ('r', _) => at + 1,
        ('b' | 'c', Some('r')) => at + 2,
        _ => return None,
    };
    let hashes = chars[after_prefix..].iter().take_while(|character| **character == '#').count();
    if chars.get(after_prefix + hashes) != Some(&'"') {
        return None;
    }
    let content = after_prefix + hashes + 1;
    let end = skip_until(chars, content, |chars, at| {
        chars[at] == '"'
            && chars[at + 1..].iter().take_while(|character| **character == '#').count() >= hashes
    });
    Some((end + 1 + hashes).min(chars.len()))
}

/// The index after the closing quote of the text that opens at `at`.
fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_character(chars: &[char], at: usize) -> bool {
    chars.get(at + 1) == Some(&'\\') || chars.get(at + 2) == Some(&'\'')
}

/// A number with its suffix; a fraction belongs to it unless a range or a field follows.
fn number_end(chars: &[char], at: usize, after_dot: bool) -> usize {
    let name_end = skip_until(chars, at, |chars, at| !is_name(chars[at]));
    let fraction = chars.get(name_end) == Some(&'.')
        && !after_dot
        && chars.get(name_end + 1).is_none_or(|next| !is_name(*next) || next.is_ascii_digit())
        && chars.get(name_end + 1) != Some(&'.');
    match fraction {
        true => skip_until(chars, name_end + 1, |chars, at| !is_name(chars[at])),
        false => name_end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let code = Code::read(text);
        let words: Vec<&str> = code.tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        check("a // dbg!\nb /* c /* d */ e */ f", "a b f");
        check(r##"x = "std::fs \" y" + r#"tokio "quoted" "# + b"sqlx";"##, r#"x = "" + "" + "" ;"#);
        check(
            "let c = '\"'; fn f<'a>(x: &'a str) {}",
            "let c = '' ; fn f < ' a > ( x : & ' a str ) { }",
        );
    }

    #[test]
    fn numbers_are_whole_words() {
        check(
            "1.5 1.0f64 0..5 t.0.1 1.max(2) 2. 1_000",
            "1.5 1.0f64 0 . . 5 t . 0 . 1 1 . max ( 2 ) 2. 1_000",
        );
    }

    #[test]
    fn use_trees_unfold_to_paths() {
        let code = Code::read(
            "use crate::{domain::{money::Money, Period as P}, store};\nstd::fs::read(x);\nuse a::b::*;",
        );
        let paths: Vec<String> = code
            .paths()
            .iter()
            .map(|path| format!("{} {}", path.line, path.segments.join("::")))
            .collect();
        assert_eq!(
            paths,
            [
                "1 crate::domain::money::Money",
                "1 crate::domain::Period",
                "1 crate::store",
                "2 std::fs::read",
                "3 a::b",
            ]
        );
    }

    #[test]
    fn what_is_for_tests_is_left_out() {
        let code = Code::read(
            "fn a() { x.unwrap() }\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b() { y.unwrap() } }\n\
             #[cfg(not(test))] fn c() { z.unwrap() }\n#[cfg(test)] use std::fs;\nfn d() {}",
        )
        .without_tests();
        assert_eq!(code.lines_with(&[".", "unwrap", "("]), [1, 5]);
        assert!(code.lines_with(&["fs"]).is_empty());
        assert_eq!(code.lines_with(&["fn", "d"]), [7]);
    }
}
