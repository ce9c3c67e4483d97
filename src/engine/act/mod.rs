//! Taking the action that was decided: the dispatch, and nothing else. It chooses nothing.

mod create;
mod delete;
mod edit;
mod record;
mod replace;
mod send;

use std::sync::Arc;

use super::beside_old;
use super::context::{Engine, Request, Status};
use super::decide::Action;
use super::kind::{Kind, ReconcileError};
use super::known::Known;
use super::observe;
use super::outcome;
use super::planned::Planned;
use super::report::Outcome;
use super::requeue::Requeue;

/// Takes the action. Nothing where it only made more known: then the next one is to be decided.
pub(super) async fn act<K: Kind>(
    engine: &Arc<Engine<K>>,
    request: &mut Request<K::Object>,
    known: &mut Known<K>,
    action: Action,
) -> Result<Option<Outcome<Status<K>>>, ReconcileError> {
    match action {
        Action::Desire => observe::desire(engine, request, known, true).await?,
        Action::SkipDesire => observe::desire(engine, request, known, false).await?,
        Action::Describe => observe::describe(engine, request, known, true).await?,
        Action::SkipDescribe => observe::describe(engine, request, known, false).await?,
        Action::Compare => observe::compare(engine, request, known),
        Action::AskBlockers(id) => observe::ask_blockers(engine, request, known, id).await?,
        Action::FindByTags => {
            if !observe::find_by_tags(engine, request, known).await? {
                return Ok(Some(outcome::finding_by_tags(engine, request)));
            }
        }
        Action::AddFinalizer => return record::add_finalizer(engine, request).await,
        Action::RecordApplied(applied) => {
            let plan = known.plan.clone().unwrap_or_default();
            let planned = Planned::before(&plan, beside_old::replaces(request));
            record::record_applied(engine, request, applied, planned).await?;
            known.tested = true;
        }
        Action::Create => return create::create(engine, request, known).await,
        Action::Send(call) => return send::send(engine, request, known, call).await,
        Action::Adopt(id) => return send::adopt(engine, request, known, &id).await,
        last => return end(engine, request, known, last).await.map(Some),
    }
    Ok(None)
}

/// Takes an action that ends the reconcile.
async fn end<K: Kind>(
    engine: &Arc<Engine<K>>,
    request: &Request<K::Object>,
    known: &Known<K>,
    action: Action,
) -> Result<Outcome<Status<K>>, ReconcileError> {
    match action {
        Action::Done => return Ok(Outcome::Requeue(Requeue::OnChange)),
        Action::Fail(fault) => return Err(fault.into()),
        Action::Rest => {
            record::show_parent(engine, request, known).await?;
            return Ok(Outcome::Requeue(outcome::rest(engine, request, known)));
        }
        Action::Block(reason) => return Ok(outcome::block(request, reason)),
        Action::RemoveFinalizer(warning) => return record::remove_finalizer(engine, request, warning).await,
        _ => {}
    }
    let Some(context) = &known.context(request) else { return Ok(Outcome::Requeue(Requeue::Again)) };
    match action {
        Action::WriteCreateRecord(phase) => record::write_create_record(engine, context, phase).await,
        Action::RecordId(id) => record::record_id(engine, context, &id).await,
        Action::UnlinkGone(id) => record::unlink_gone(engine, context, &id).await,
        Action::UnlinkForeign(id) => record::unlink_foreign(engine, context, &id).await,
        Action::RecordOperation(operation) => {
            let plan = known.plan.clone().unwrap_or_default();
            record::record_operation(engine, request, operation.map(|record| *record), &plan).await
        }
        Action::Replace(step) => replace::replace(engine, context, step).await,
        Action::Delete(ids) => delete::delete(engine, context, &ids).await,
        Action::RetainAndUntag(ids) => delete::retain_and_untag(engine, context, &ids).await,
        Action::NotReady => Ok(outcome::not_ready(engine, context)),
        Action::Suspend { in_force } => {
            Ok(outcome::suspended(engine, request, outcome::filled_status(engine, context), in_force))
        }
        Action::Hold { digest, ours } => Ok(outcome::held(engine, context, &digest, ours)),
        Action::Conclude { only_operation } => Ok(outcome::conclude(engine, known, context, only_operation)),
        Action::LeaveDrift => Ok(outcome::leave_drift(engine, known, context)),
        Action::ReportDrift => Ok(outcome::report_drift(engine, context)),
        Action::Wait { reason, until } => Ok(outcome::wait(engine, context, reason, until)),
        Action::Stall { reason, uid_lost } => Ok(outcome::stall(engine, context, reason, &uid_lost)),
        Action::Done
        | Action::Again
        | Action::Fail(_)
        | Action::Rest
        | Action::Block(_)
        | Action::AddFinalizer
        | Action::RemoveFinalizer(_)
        | Action::Desire
        | Action::SkipDesire
        | Action::Describe
        | Action::SkipDescribe
        | Action::Compare
        | Action::AskBlockers(_)
        | Action::FindByTags
        | Action::RecordApplied(_)
        | Action::Create
        | Action::Adopt(_)
        | Action::Send(_) => Ok(Outcome::Requeue(Requeue::Again)),
    }
}
