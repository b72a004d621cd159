using Microsoft.Data.Sqlite;

namespace BigFs.Hosting.Persistence.Sqlite;

/// <summary>
/// One step of a schema: a script, then what only code can do (reading stored forms). All steps of an opening are one
/// transaction.
/// </summary>
/// <param name="Script">The statements.</param>
/// <param name="Fill">Runs after the script on the writing connection; null for nothing.</param>
internal readonly record struct SqliteMigration(string Script, Action<SqliteConnection>? Fill = null)
{
    public static implicit operator SqliteMigration(string script) => new(script);
}
