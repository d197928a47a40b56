//! Service `dnlb`: accounts, users, access keys and sessions.

use super::models;

models! {
    /// CreateAccount: the account and its first administrator.
    CreateAccount {
        account_name: String,
        ?
        description: String,
        admin_name: String,
        admin_password: String,
    }

    /// UpdateAccount.
    UpdateAccount { ? account_name: String, description: String, enabled: bool, }

    /// An account.
    Account {
        account_id: String,
        account_name: String,
        description: String,
        enabled: bool,
        created_time: String,
    }

    /// An account as it was made. The secret is shown here and never again.
    AccountCreated {
        account_id: String,
        user_id: String,
        access_key_id: String,
        secret_key: String,
    }

    /// CreateUser.
    CreateUser {
        user_name: String,
        role: String,
        ?
        password: String,
        description: String,
    }

    /// UpdateUser.
    UpdateUser {
        ?
        user_name: String,
        description: String,
        role: String,
        enabled: bool,
        password: String,
    }

    /// ChangePassword: one's own.
    ChangePassword { old_password: String, new_password: String, }

    /// A user.
    User {
        user_id: String,
        user_name: String,
        account_id: String,
        description: String,
        role: String,
        enabled: bool,
        has_password: bool,
        created_time: String,
    }

    /// CreateAccessKey.
    CreateAccessKey { ? user_id: String, description: String, }

    /// UpdateAccessKey.
    UpdateAccessKey { ? description: String, enabled: bool, }

    /// RotateAccessKey: for how long the former key counts beside the new one.
    RotateAccessKey { ? grace_seconds: i64, }

    /// An access key as it was made. The secret is shown here and never again.
    AccessKeyCreated { access_key_id: String, secret_key: String, }

    /// An access key.
    AccessKey {
        access_key_id: String,
        user_id: String,
        user_name: String,
        description: String,
        enabled: bool,
        created_time: String,
        ?
        expires_time: String,
    }

    /// CreateSession: to log in. Without an account's name that of who operates the region.
    CreateSession {
        user_name: String,
        password: String,
        ?
        account_name: String,
    }

    /// A session as it was made. The token is shown here and never again.
    SessionCreated {
        token: String,
        expires_time: String,
        caller: Caller,
    }

    /// Who calls.
    Caller {
        account_id: String,
        account_name: String,
        user_id: String,
        user_name: String,
        role: String,
        operates_region: bool,
    }
}
