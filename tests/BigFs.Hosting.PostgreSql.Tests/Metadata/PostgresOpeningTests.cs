using BigFs.Core.Metadata;
using BigFs.Hosting.PostgreSql.Tests.Server;
using BigFs.Hosting.Tests.Metadata;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace BigFs.Hosting.PostgreSql.Tests.Metadata;

/// <summary>What is refused at the start, with one sentence, and what several servers that start together do.</summary>
[TestFixture]
internal sealed class PostgresOpeningTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Test]
    public async Task Servers_that_start_together_make_the_tables_once()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();

        PostgresMetadataStore[] stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => OpenAsync(options)));

        long[] given = await Task.WhenAll(stores.Select(store => store.NextIncarnationAsync(None).AsTask()));
        Assert.That(given.Order(), Is.EqualTo(new[] { 1L, 2, 3, 4, 5, 6 }));
        foreach (PostgresMetadataStore store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Test]
    public async Task Everything_is_there_after_closing_and_opening_again()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await using (PostgresMetadataStore first = await OpenAsync(options))
        {
            await first.PutAsync("/a/b", Uploads.Chunk(1));
        }

        await using PostgresMetadataStore second = await OpenAsync(options);

        Assert.That((await second.FindAsync("/a/b"))!.Manifest, Is.EqualTo([Uploads.Chunk(1)]));
    }

    [Test]
    public async Task A_newer_schema_is_refused_at_the_start_and_while_running()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await using PostgresMetadataStore running = await OpenAsync(options);
        await ExecuteAsync($"UPDATE {options.Schema}.writer SET schema_version = 99");

        await RefusedAsync(BigFsErrorCode.DataUnreadable, options, "99");
        BigFsException? refusal = await Assert.ThrowsAsync<BigFsException>(() => running.MakeDirectoryAsync("/x").AsTask());

        Assert.That(refusal!.Code, Is.EqualTo(BigFsErrorCode.DataUnreadable));
        Assert.That(await running.FindAsync("/x"), Is.Null);
    }

    [Test]
    public async Task A_schema_of_somebody_else_is_left_alone()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        await ExecuteAsync($"CREATE SCHEMA {options.Schema}");
        await ExecuteAsync($"CREATE TABLE {options.Schema}.entries (theirs int)");

        await RefusedAsync(BigFsErrorCode.DataUnreadable, options, options.Schema);

        Assert.That(await ExecuteAsync($"SELECT count(*) FROM information_schema.tables WHERE table_schema = '{options.Schema}'"), Is.EqualTo(1L));
    }

    [Test]
    public async Task Wrong_settings_are_named_and_no_password_is_repeated()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        PostgresServer server = await SharedServer.GetAsync();
        await RefusedAsync(
            BigFsErrorCode.InvalidSettings, options with { ConnectionString = server.ConnectionString(password: "wrong") }, "password");
        await RefusedAsync(
            BigFsErrorCode.InvalidSettings, options with { ConnectionString = server.ConnectionString("nothere") }, "does not exist");
        await RefusedAsync(BigFsErrorCode.InvalidSettings, options with { ConnectionString = "Hast=x" }, "connection string");
        await RefusedAsync(BigFsErrorCode.InvalidSettings, options with { ConnectionString = "Username=x" }, "Host and Database");
        await RefusedAsync(BigFsErrorCode.InvalidSettings, options with { Schema = "Big-Fs" }, "Schema");
        await RefusedAsync(BigFsErrorCode.InvalidSettings, options with { MetadataCopies = 2 }, "synchronous_standby_names");
        await RefusedAsync(
            BigFsErrorCode.Unavailable,
            options with { ConnectionString = "Host=127.0.0.1;Port=1;Database=d;Username=u", RetryFor = TimeSpan.FromSeconds(1) },
            "cannot be reached");
    }

    [Test]
    public async Task A_user_that_would_lose_acknowledged_names_is_refused()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        PostgresServer server = await SharedServer.GetAsync();
        await ExecuteAsync($"CREATE ROLE {options.Schema} LOGIN PASSWORD 'x' SUPERUSER");
        await ExecuteAsync($"ALTER ROLE {options.Schema} SET synchronous_commit = off");

        await RefusedAsync(
            BigFsErrorCode.InvalidSettings,
            options with { ConnectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString()) { Username = options.Schema, Password = "x" }.ConnectionString },
            "synchronous_commit");
    }

    [Test]
    public async Task A_user_without_rights_is_refused()
    {
        PostgresOptions options = await SharedServer.NewOptionsAsync();
        PostgresServer server = await SharedServer.GetAsync();
        await ExecuteAsync($"CREATE ROLE {options.Schema}_weak LOGIN PASSWORD 'x'");

        await RefusedAsync(
            BigFsErrorCode.InvalidSettings,
            options with { ConnectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString()) { Username = options.Schema + "_weak", Password = "x" }.ConnectionString },
            "grant CREATE");
    }

    [TestCase("", 0)]
    [TestCase("standby", 1)]
    [TestCase("a, b, c", 1)]
    [TestCase("*", 1)]
    [TestCase("FIRST 2 (a, b, c)", 2)]
    [TestCase("any 3 (*)", 3)]
    [TestCase("2 (a, b)", 2)]
    public void The_standbys_that_a_commit_waits_for_are_counted(string names, int standbys) =>
        Assert.That(PostgresDurability.CountStandbys(names), Is.EqualTo(standbys));

    [TestCase("on", 2, 3)]
    [TestCase("remote_apply", 1, 2)]
    [TestCase("remote_write", 1, 1)]
    [TestCase("local", 1, 1)]
    public void Only_flushed_copies_count(string synchronousCommit, int standbys, int copies) =>
        Assert.That(new PostgresDurability(synchronousCommit, true, true, standbys, 15).Copies, Is.EqualTo(copies));

    [TestCase("53100", BigFsErrorCode.OutOfSpace)]
    [TestCase("53300", BigFsErrorCode.Unavailable)]
    [TestCase("25006", BigFsErrorCode.Unavailable)]
    [TestCase("57P03", BigFsErrorCode.Unavailable)]
    [TestCase("57P01", BigFsErrorCode.Unavailable)]
    [TestCase("57014", BigFsErrorCode.TimedOut)]
    [TestCase("55P03", BigFsErrorCode.TimedOut)]
    [TestCase("40001", BigFsErrorCode.Unavailable)]
    [TestCase("XX001", BigFsErrorCode.DataUnreadable)]
    [TestCase("42P01", BigFsErrorCode.DataUnreadable)]
    [TestCase("28P01", BigFsErrorCode.Unavailable)]
    [TestCase("22012", BigFsErrorCode.Internal)]
    public void Each_state_of_the_server_has_its_code(string state, BigFsErrorCode code)
    {
        BigFsException translated = PostgresErrors.WhileRunning(
            new PostgresException("why", "ERROR", "ERROR", state), "postgres:h/d/s");

        Assert.That(translated.Code, Is.EqualTo(code));
        Assert.That(translated.Message, Does.Contain(state).And.Contain("postgres:h/d/s"));
    }

    private static Task<PostgresMetadataStore> OpenAsync(PostgresOptions options) =>
        PostgresMetadataStore.OpenAsync(options, TimeProvider.System, NullLogger.Instance, None);

    private static async Task<object?> ExecuteAsync(string text) => await (await SharedServer.GetAsync()).ExecuteAsync(text);

    private static async Task RefusedAsync(BigFsErrorCode code, PostgresOptions options, string mentions)
    {
        BigFsException? refusal = null;
        try
        {
            await using PostgresMetadataStore opened = await OpenAsync(options);
        }
        catch (BigFsException exception)
        {
            refusal = exception;
        }

        Assert.That(refusal?.Code, Is.EqualTo(code), refusal?.ToString() ?? "nothing was refused");
        Assert.That(refusal!.Message, Does.Contain(mentions).And.Not.Contain(PostgresServer.Password).And.Not.Contain("wrong"));
    }
}
