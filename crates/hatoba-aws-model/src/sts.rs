//! STS: who is calling.

use crate::env::Env;
use crate::object::{self, Object};

/// `GetCallerIdentity`; `None` for any other action.
pub(crate) fn call(operation: &str, env: &mut Env<'_>) -> Option<Object> {
    if operation != "GetCallerIdentity" {
        return None;
    }
    let (account, request_id) = (env.faults.account().unwrap_or(&env.config.account), env.ids.uuid());
    let xml = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:sts::{account}:assumed-role/hatoba/sandbox</Arn><UserId>AROAEXAMPLEHATOBA0000:sandbox</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId>\
         </ResponseMetadata></GetCallerIdentityResponse>"
    );
    Some(object::only("xml", xml))
}
