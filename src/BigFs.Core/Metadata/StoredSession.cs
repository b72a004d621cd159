namespace BigFs.Core.Metadata;

/// <summary>What a session may be used for: one rule for every engine.</summary>
internal static class StoredSession
{
    /// <summary>The session, when it may be used now.</summary>
    /// <exception cref="BigFsException">SessionExpired.</exception>
    public static T RequireOpen<T>(Guid id, T? session, long now)
        where T : class, IStoredSession => session switch
        {
            null => throw MetadataErrors.SessionExpired(id, "is not known, or ended long ago"),
            { State: StoredSessionState.Committed } => throw MetadataErrors.SessionExpired(id, "was committed"),
            { State: StoredSessionState.Aborted } => throw MetadataErrors.SessionExpired(id, "was aborted"),
            _ when session.Expires <= now => throw MetadataErrors.SessionExpired(id, "was not renewed in time"),
            _ => session,
        };

    /// <summary>The path of the one file that the session makes.</summary>
    /// <exception cref="BigFsException">InvalidArgument: it is shared.</exception>
    public static BigFsPath RequireOwn(Guid id, IStoredSession session) =>
        session.Path ?? throw MetadataErrors.WrongSession(id, shared: true);

    /// <summary>Refuses a session that is one file's own.</summary>
    /// <exception cref="BigFsException">InvalidArgument.</exception>
    public static void RequireShared(Guid id, IStoredSession session)
    {
        if (session.Path is not null)
        {
            throw MetadataErrors.WrongSession(id, shared: false);
        }
    }
}
