using System.Net.Sockets;
using Npgsql;

namespace BigFs.Hosting.PostgreSql;

/// <summary>PostgreSQL's errors in BigFS's terms.</summary>
internal static class PostgresErrors
{
    // Sessions that the server ended because they stood idle, in a transaction or not.
    private const string IdleInTransaction = "25P03", Idle = "57P05";

    /// <summary>
    /// Whether the same transaction may succeed on a new connection: the database is away, starting, failing over, full of
    /// connections, or took back a transaction for another's sake. Whether it was committed may be unknown.
    /// </summary>
    public static bool IsPassing(Exception exception) => exception switch
    {
        PostgresException { SqlState: var state } => state is
            PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
            or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
            or PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.TooManyConnections
            or IdleInTransaction or Idle
            || state.StartsWith("08", StringComparison.Ordinal),
        BigFsException unusable => unusable.Code == BigFsErrorCode.Unavailable,
        NpgsqlException { InnerException: TimeoutException } => false,
        NpgsqlException or SocketException or IOException or ObjectDisposedException => true,
        _ => false,
    };

    /// <summary>Translates an error of an open namespace.</summary>
    public static BigFsException WhileRunning(Exception exception, string location) => exception switch
    {
        BigFsException known => known,
        PostgresException refused => Make(Running(refused.SqlState), refused, location),
        NpgsqlException { InnerException: TimeoutException } busy when IsPoolExhausted(busy) => Make(
            (BigFsErrorCode.Unavailable, "is so busy that no connection came free in time; nothing was done"), busy, location),
        NpgsqlException { InnerException: TimeoutException } late => Make(
            (BigFsErrorCode.TimedOut, "did not answer in time; whether the change was made is unknown"), late, location),
        TimeoutException late => Make((BigFsErrorCode.TimedOut, "did not answer in time"), late, location),
        NpgsqlException or SocketException or IOException or ObjectDisposedException => Make(
            (BigFsErrorCode.Unavailable, "cannot be reached at present"), exception, location),
        _ => Make((BigFsErrorCode.Internal, "failed"), exception, location),
    };

    /// <summary>Translates an error that came while the namespace was being opened, when settings may be wrong.</summary>
    public static BigFsException WhileOpening(Exception exception, string location)
    {
        const BigFsErrorCode Settings = BigFsErrorCode.InvalidSettings;
        return exception is not PostgresException refused
            ? WhileRunning(exception, location)
            : refused.SqlState switch
            {
                PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => Make(
                    (Settings, "refuses the user or its password"), refused, location),
                PostgresErrorCodes.InvalidCatalogName => Make((Settings, "does not exist; create it"), refused, location),
                PostgresErrorCodes.InsufficientPrivilege => Make(
                    (Settings, "does not let the user make or use the tables; grant CREATE on it"), refused, location),
                _ => WhileRunning(exception, location),
            };
    }

    // Npgsql has no other sign of it: nothing was sent then.
    private static bool IsPoolExhausted(NpgsqlException exception) =>
        exception.Message.Contains("pool has been exhausted", StringComparison.Ordinal);

    private static (BigFsErrorCode Code, string Problem) Running(string state) => state switch
    {
        PostgresErrorCodes.DiskFull => (BigFsErrorCode.OutOfSpace, "has no room left on its disk; nothing was changed"),
        PostgresErrorCodes.OutOfMemory => (BigFsErrorCode.Unavailable, "is out of memory"),
        PostgresErrorCodes.TooManyConnections => (BigFsErrorCode.Unavailable, "has no connection left; raise max_connections"),
        PostgresErrorCodes.ReadOnlySqlTransaction => (
            BigFsErrorCode.Unavailable, "is a read-only standby or takes no changes at present"),
        PostgresErrorCodes.QueryCanceled => (BigFsErrorCode.TimedOut, "gave up a statement that took too long"),
        PostgresErrorCodes.LockNotAvailable => (
            BigFsErrorCode.TimedOut, "is being written by another metadata server for too long"),
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => (
            BigFsErrorCode.Unavailable, "refuses the user or its password"),
        PostgresErrorCodes.InvalidCatalogName => (BigFsErrorCode.Unavailable, "does not exist any more"),
        PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted => (BigFsErrorCode.DataUnreadable, "is damaged"),
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn => (
            BigFsErrorCode.DataUnreadable, "has not the tables that its schema's version says"),
        PostgresErrorCodes.IoError => (BigFsErrorCode.Unavailable, "met an error of its disk"),
        _ when state.StartsWith("08", StringComparison.Ordinal) || state.StartsWith("57P", StringComparison.Ordinal) => (
            BigFsErrorCode.Unavailable, "is stopping, starting or away"),
        _ when state.StartsWith("53", StringComparison.Ordinal) => (BigFsErrorCode.Unavailable, "has no resources left"),
        PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => (
            BigFsErrorCode.Unavailable, "took the change back for another's sake, again and again"),
        _ => (BigFsErrorCode.Internal, "failed"),
    };

    private static BigFsException Make((BigFsErrorCode Code, string Problem) what, Exception exception, string location)
    {
        string said = exception is PostgresException refused ? $"{refused.SqlState}: {refused.MessageText}" : exception.Message;
        return new BigFsException(
            what.Code, $"The metadata database {location} {what.Problem} (PostgreSQL: {said}).", exception);
    }
}
