//! `neap policy`: the IAM permissions that a stack needs, as policy documents, without any call.
//!
//! Decides which words stand for what is not known. Must not know which permissions those are.

use neap_core::desired::Desired;
use neap_core::permissions::{LONGEST, Place, Purpose, document, length, permissions, split};

use crate::args::{PolicyArguments, PolicyFor};
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::json;
use crate::render::style;
use crate::session::Session;

/// What stands for an account and a region that nothing names.
const ACCOUNT: &str = "ACCOUNT";
const REGION: &str = "REGION";

/// Prints one document, or with `--split` a list of documents that are each short enough for IAM.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &PolicyArguments,
) -> Result<Exit, CommandError> {
    let desired = session.load_without_files()?.desired;
    let place = place(&desired, arguments)?;
    let purpose = match arguments.purpose {
        PolicyFor::Plan => Purpose::Plan,
        PolicyFor::Apply => Purpose::Apply,
        PolicyFor::Destroy => Purpose::Destroy,
        PolicyFor::All => Purpose::All,
    };
    let statements = permissions(&desired, purpose, &place);
    if arguments.split {
        session.ui.out(&json::pretty(&split(&statements)));
    } else {
        let whole = document(&statements);
        session.ui.out(&json::pretty(&whole));
        let length = length(&whole);
        if length > LONGEST {
            session.ui.err(&style::warning(&format!(
                "the document has {length} characters, and IAM takes {LONGEST} in one policy; `--split` makes several"
            )));
        }
    }
    explain(session, &place);
    Ok(Exit::Done)
}

fn place(desired: &Desired, arguments: &PolicyArguments) -> Result<Place, CommandError> {
    if let (Some(given), Some(named)) = (&arguments.account, &desired.account)
        && given != named
    {
        let message = format!("`--account {given}` is not the account that the stack is for, {named}");
        return Err(CommandError::invalid(message).hint("leave `--account` out, or change `stack.account`"));
    }
    let account = arguments.account.as_ref().or(desired.account.as_ref());
    Ok(Place {
        account: account.map_or(ACCOUNT, |account| account).to_owned(),
        region: desired.region.as_deref().unwrap_or(REGION).to_owned(),
    })
}

fn explain<C: Connect>(session: &mut Session<C>, place: &Place) {
    if place.account == ACCOUNT {
        session.ui.err(&format!(
            "{ACCOUNT} stands for the account: `stack.account` in the file or `--account` fills it in\n"
        ));
    }
    if place.region == REGION {
        session.ui.err(&format!(
            "{REGION} stands for the region: `stack.region` in the file or `--region` fills it in\n"
        ));
    }
}
