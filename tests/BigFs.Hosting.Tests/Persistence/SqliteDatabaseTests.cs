using System.Collections.Immutable;
using BigFs.Hosting.Persistence.Sqlite;
using Microsoft.Data.Sqlite;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Persistence;

[TestFixture]
internal sealed class SqliteDatabaseTests
{
    private const string First = "CREATE TABLE one (a INTEGER PRIMARY KEY)";
    private const string Second = "CREATE TABLE two (a INTEGER PRIMARY KEY)";

    [Test]
    public void Opens_a_new_file_writes_through_a_log_and_reads_beside_it()
    {
        using var folder = new TemporaryDirectory();
        using SqliteDatabase database = SqliteDatabase.Open(Options(folder.Path, First));
        using SqliteConnection reader = database.OpenReader();

        Run(database.Connection, "INSERT INTO one VALUES (7)");

        Assert.That(Scalar(reader, "SELECT a FROM one"), Is.EqualTo(7L));
        Assert.That(Scalar(database.Connection, "PRAGMA journal_mode"), Is.EqualTo("wal"));
        Assert.That(Scalar(database.Connection, "PRAGMA synchronous"), Is.EqualTo(2L), "FULL");
        Assert.That(() => Run(reader, "DELETE FROM one"), Throws.TypeOf<SqliteException>());
    }

    [Test]
    public void A_second_owner_is_refused_until_the_first_has_gone()
    {
        using var folder = new TemporaryDirectory();
        using (SqliteDatabase.Open(Options(folder.Path, First)))
        {
            Assert.That(CodeOf(() => SqliteDatabase.Open(Options(folder.Path, First))), Is.EqualTo(BigFsErrorCode.DataInUse));
        }

        using SqliteDatabase again = SqliteDatabase.Open(Options(folder.Path, First));
        Assert.That(again.IsInMemory, Is.False);
    }

    [Test]
    public void Migrations_run_once_and_in_order_and_a_newer_schema_is_refused()
    {
        using var folder = new TemporaryDirectory();
        SqliteDatabase.Open(Options(folder.Path, First)).Dispose();
        using (SqliteDatabase database = SqliteDatabase.Open(Options(folder.Path, First, Second)))
        {
            Assert.That(Scalar(database.Connection, "SELECT count(*) FROM sqlite_schema"), Is.EqualTo(2L));
            Assert.That(Scalar(database.Connection, "PRAGMA user_version"), Is.EqualTo(2L));
        }

        Assert.That(CodeOf(() => SqliteDatabase.Open(Options(folder.Path, First))), Is.EqualTo(BigFsErrorCode.DataTooNew));
        using SqliteDatabase again = SqliteDatabase.Open(Options(folder.Path, First, Second));
        Assert.That(Scalar(again.Connection, "PRAGMA user_version"), Is.EqualTo(2L), "the refusal changed nothing");
    }

    [Test]
    public void A_database_that_cannot_be_written_says_so_and_is_still_read()
    {
        using var folder = new TemporaryDirectory();
        using SqliteDatabase database = SqliteDatabase.Open(Options(folder.Path, First));
        using SqliteConnection reader = database.OpenReader();

        SqliteException exception = Assert.Throws<SqliteException>(() => Run(reader, "INSERT INTO one VALUES (1)"))!;

        Assert.That(database.Translate(exception).Code, Is.EqualTo(BigFsErrorCode.DataReadOnly));
        Assert.That(
            SqliteErrors.WhileOpening(exception, "sample", "here").Code, Is.EqualTo(BigFsErrorCode.DataReadOnly));
        Assert.That(Scalar(reader, "SELECT count(*) FROM one"), Is.Zero);
    }

    [Test]
    public void A_database_that_another_program_holds_is_in_use()
    {
        using var folder = new TemporaryDirectory();
        SqliteDatabase.Open(Options(folder.Path, First)).Dispose();
        using var other = new SqliteConnection($"Data Source={Path.Combine(folder.Path, "sample.db")};Pooling=False");
        other.Open();
        Run(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");

        Assert.That(
            CodeOf(() => SqliteDatabase.Open(Options(folder.Path, First) with { BusyTimeout = TimeSpan.FromMilliseconds(50) })),
            Is.EqualTo(BigFsErrorCode.DataInUse));
    }

    [Test]
    public void A_failing_migration_leaves_the_old_schema()
    {
        using var folder = new TemporaryDirectory();
        SqliteDatabase.Open(Options(folder.Path, First)).Dispose();

        Assert.That(
            () => SqliteDatabase.Open(Options(folder.Path, First, Second + "; nonsense")), Throws.TypeOf<BigFsException>());

        using SqliteDatabase database = SqliteDatabase.Open(Options(folder.Path, First));
        Assert.That(Scalar(database.Connection, "SELECT count(*) FROM sqlite_schema"), Is.EqualTo(1L));
    }

    [Test]
    public void A_file_that_is_no_database_and_a_database_of_another_kind_are_refused_and_left_alone()
    {
        using var folder = new TemporaryDirectory();
        string file = Path.Combine(folder.Path, "sample.db");
        byte[] text = [.. Enumerable.Repeat((byte)'x', 8192)];
        File.WriteAllBytes(file, text);
        Assert.That(CodeOf(() => SqliteDatabase.Open(Options(folder.Path, First))), Is.EqualTo(BigFsErrorCode.DataUnreadable));
        Assert.That(File.ReadAllBytes(file), Is.EqualTo(text));

        File.Delete(file);
        SqliteDatabase.Open(Options(folder.Path, First) with { ApplicationId = 99 }).Dispose();
        Assert.That(CodeOf(() => SqliteDatabase.Open(Options(folder.Path, First))), Is.EqualTo(BigFsErrorCode.DataUnreadable));
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_named()
    {
        using var folder = new TemporaryDirectory();
        string file = Path.Combine(folder.Path, "file");
        File.WriteAllText(file, "");

        BigFsException exception = Assert.Throws<BigFsException>(
            () => SqliteDatabase.Open(Options(Path.Combine(file, "below"), First)))!;

        Assert.That(exception.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(exception.Message, Does.Contain(file));
    }

    [Test]
    public void A_library_that_can_corrupt_data_is_refused()
    {
        BigFsException exception = Assert.Throws<BigFsException>(() => SqliteDatabase.RequireLibrary(3_051_002))!;

        Assert.That(exception.Message, Does.Contain("3.51.2").And.Contain("3.51.3"));
        Assert.That(() => SqliteDatabase.RequireLibrary(SqliteDatabase.OldestLibrary), Throws.Nothing);
    }

    [Test]
    public void A_full_disk_is_out_of_space_and_changes_nothing()
    {
        using var folder = new TemporaryDirectory();
        using SqliteDatabase database = SqliteDatabase.Open(Options(folder.Path, "CREATE TABLE one (a BLOB)"));
        Run(database.Connection, "PRAGMA max_page_count = 4");

        SqliteException exception = Assert.Throws<SqliteException>(
            () => Run(database.Connection, "INSERT INTO one VALUES (zeroblob(100000))"))!;

        Assert.That(database.Translate(exception).Code, Is.EqualTo(BigFsErrorCode.OutOfSpace));
        Assert.That(Scalar(database.Connection, "SELECT count(*) FROM one"), Is.Zero);
    }

    private static SqliteDatabaseOptions Options(string folder, params ImmutableArray<string> migrations) =>
        new() { Name = "sample", Directory = folder, ApplicationId = 7, Migrations = [.. migrations.Select(script => (SqliteMigration)script)] };

    private static BigFsErrorCode CodeOf(Action action) => Assert.Throws<BigFsException>(action)!.Code;

    private static void Run(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
