//! `chitra halt`: stop a partner, a cycle or everything, and let it go on.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::table;
use crate::cli::signer::Signer;
use crate::engine::{Engine, EngineError};

#[derive(Subcommand)]
pub enum HaltCommand {
    /// What is halted
    List,
    /// Stop at once: nothing of it is sent until two officers have lifted the halt
    Put {
        /// all, provider:NAME or cycle:CYCLE
        scope: String,
        /// Why, in a sentence that names nobody
        #[arg(long)]
        cause: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// One of the two officers who lift a halt
    Lift {
        halt: i64,
        #[command(flatten)]
        signer: Signer,
    },
}

impl HaltCommand {
    pub fn only_reads(&self) -> bool {
        matches!(self, HaltCommand::List)
    }

    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match self {
            HaltCommand::List => list(engine, voice).await,
            HaltCommand::Lift { halt, signer } => lift(halt, &signer, engine, voice).await,
            HaltCommand::Put { scope, cause, signer } => {
                let key = signer.key(engine).await?;
                let halt = engine.halt_put(&scope, &cause, &signer.by, &key).await?;
                engine.sequence().await?;
                let told = json!({ "halt": halt.number, "scope": scope, "cause": halt.cause });
                voice.say(&told, || {
                    format!(
                        "{scope} is halted; two officers lift it: chitra halt lift {}",
                        halt.number
                    )
                });
                Ok(())
            }
        }
    }
}

/// What is halted, as a list.
pub(super) async fn list(engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
    let halts = engine.halts().await?;
    let signing = engine.store.officers().await?;
    let signs = |name: &str| signing.iter().any(|officer| officer.name == name);
    let told: Vec<_> = halts
        .iter()
        .map(|one| {
            json!({
                "halt": one.number,
                "scope": one.scope,
                "cause": one.cause,
                "later_cause": one.later_cause,
                "put_by": one.put_by,
                "since": one.put_at,
                "lift_agreed_by": one.first_lift_by,
            })
        })
        .collect();
    voice.say(&json!(told), || {
        let rows: Vec<Vec<String>> = halts
            .iter()
            .map(|one| {
                vec![
                    one.number.to_string(),
                    one.scope.clone(),
                    one.causes(),
                    one.put_by.clone(),
                    one.put_at.clone(),
                    one.first_lift_by.as_ref().map_or_else(String::new, |by| match signs(by) {
                        true => format!("one of two, waiting for another officer than {by}"),
                        false => format!("{by} agreed and signs no more; it does not count"),
                    }),
                ]
            })
            .collect();
        table(&["halt", "scope", "cause", "put by", "since", "lifted"], &rows, &[0])
    });
    Ok(())
}

/// One of the two officers lifts a halt.
pub(super) async fn lift(
    halt: i64,
    signer: &Signer,
    engine: &Engine,
    voice: &Voice,
) -> Result<(), EngineError> {
    let key = signer.key(engine).await?;
    let by = &signer.by;
    let lifted = engine.halt_lift(halt, by, &key).await?;
    engine.sequence().await?;
    voice.say(&json!({ "halt": halt, "lifted": lifted }), || match lifted {
        true => format!("halt {halt} is lifted"),
        false => format!("{by} agrees; a second officer lifts halt {halt}"),
    });
    Ok(())
}
