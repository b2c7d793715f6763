//! Rows that are read by themselves: those of a job that looked wrong, all at the same moment, and
//! the holds of jobs that idempotency keys name.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{Get, KeysAndAttributes, TransactGetItem},
};
use domain::{
    audit::JobRows,
    ids::{JobId, UserId},
    job::Status,
};
use tokio::time::sleep;

use super::{account::JOB_ROWS_MAX, stream::Table};
use crate::{
    Store,
    error::{StoreError, sort},
    facts::Row,
    item::read_key,
    keys::{self, Key},
    tx::{Item, Pauses},
};

/// How many holds one request asks for: as many as DynamoDB takes.
pub(super) const KEYS_MAX: usize = 100;
/// How many rows of a job are read again at most: those that were seen, and one under each of the
/// keys that a job has.
pub(super) const ROWS_MAX: usize = JOB_ROWS_MAX + 8;
/// How often a read that meets writers, or is answered in part only, is sent.
const ATTEMPTS: u32 = 12;

impl Store {
    /// The rows of a job as they are at one moment: those that a job has, and those under `seen`.
    pub(super) async fn job_again(
        &self,
        user: &UserId,
        id: JobId,
        seen: Vec<(Table, Key)>,
    ) -> Result<JobRows, StoreError> {
        let mut wanted = vec![
            (Table::Ledger, keys::hold(user, &id)),
            (Table::Ledger, keys::resolution(user, &id)),
            (Table::Ledger, keys::reversal(user, &id)),
            (Table::Jobs, keys::job(user, &id)),
        ];
        let endings = [Status::Succeeded, Status::Failed, Status::Expired, Status::Refunded];
        wanted.extend(endings.map(|ending| (Table::Jobs, keys::event(user, &id, ending))));
        for row in seen {
            if !wanted.contains(&row) {
                wanted.push(row);
            }
        }
        let gets = wanted.into_iter().map(|row| self.get_of(row)).collect::<Result<_, _>>()?;
        let items = self.read_at_once(gets, id).await?;
        let mut rows = JobRows::new(id);
        for item in items {
            // A row that cannot be read was noted when the pages were.
            if let Ok(row) = Row::read(item) {
                row.join(&mut rows);
            }
        }
        Ok(rows)
    }

    fn get_of(&self, (table, key): (Table, Key)) -> Result<TransactGetItem, StoreError> {
        let get = Get::builder()
            .table_name(table.name(self))
            .set_key(Some(key.attributes()))
            .set_projection_expression(table.attributes())
            .build()
            .map_err(|error| StoreError::Malformed(error.into()))?;
        Ok(TransactGetItem::builder().get(get).build())
    }

    async fn read_at_once(
        &self,
        gets: Vec<TransactGetItem>,
        id: JobId,
    ) -> Result<Vec<Item>, StoreError> {
        let mut pauses = pauses(id);
        for _ in 0..ATTEMPTS {
            let request = self.client.transact_get_items().set_transact_items(Some(gets.clone()));
            match request.send().await {
                Ok(output) => {
                    let found = output.responses.unwrap_or_default();
                    return Ok(found.into_iter().filter_map(|row| row.item).collect());
                }
                // A read has no conditions: only writers of the same rows can be in its way.
                Err(error) if error.code() == Some("TransactionCanceledException") => {}
                Err(error) => {
                    let error = sort(error);
                    if !matches!(error, StoreError::Busy) {
                        return Err(error);
                    }
                }
            }
            sleep(pauses.next()).await;
        }
        Err(StoreError::Busy)
    }

    /// Those of the jobs that have a hold.
    pub(super) async fn held(
        &self,
        user: &UserId,
        jobs: &BTreeSet<JobId>,
    ) -> Result<BTreeSet<JobId>, StoreError> {
        let mut held = BTreeSet::new();
        let Some(first) = jobs.first() else { return Ok(held) };
        let mut pauses = pauses(*first);
        let wanted = jobs.iter().map(|job| keys::hold(user, job).attributes()).collect();
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(wanted))
            .projection_expression("pk, sk")
            .consistent_read(true)
            .build()
            .map_err(|error| StoreError::Malformed(error.into()))?;
        let mut wanted = HashMap::from([(self.tables.ledger.clone(), wanted)]);
        for _ in 0..ATTEMPTS {
            let request = self.client.batch_get_item().set_request_items(Some(wanted));
            let output = request.send().await.map_err(sort)?;
            for item in output.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                let (_, sk) = read_key(&item)?;
                held.extend(keys::job_in(&sk, keys::ENTRY));
            }
            wanted = output.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(held);
            }
            sleep(pauses.next()).await;
        }
        Err(StoreError::Busy)
    }
}

fn pauses(job: JobId) -> Pauses {
    let [.., a, b, c, d] = *job.as_bytes();
    Pauses::new(u64::from(u32::from_be_bytes([a, b, c, d])))
}
