using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Internal;
using BigFs.Internal.Grpc;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Access;

/// <summary>Clients with roots of their own see nothing of each other, whatever they ask.</summary>
[CancelAfter(120_000)]
internal sealed class RootTests
{
    private static readonly string[] Tricks =
    [
        "/..", "/../", "/../secret-b", "/a/../../secret-b", "/./..", "/%2e%2e", "/%2e%2e/secret-b", "/%2E%2E/secret-b",
        "//", "//secret-b", "/a//..", "/..%2fsecret-b", "/..%5csecret-b", "/%2fsecret-b", "/..\\secret-b", "\\..\\secret-b", "..",
        "../secret-b", "secret-b", "", "/\0/../secret-b", "/..\0", "/．．/secret-b", "/‥/secret-b", "/。。/secret-b", "/․․/secret-b",
        "/.\u0323./secret-b", "/\u202e../secret-b", "/..\u200b/secret-b", "/\ud800/secret-b", "/..;/secret-b", "/%c0%ae%c0%ae/secret-b",
        "/%252e%252e/secret-b", "/..／secret-b", "/．./secret-b", "/.. /secret-b", "/...", "/secret-b", "/secret-a",
    ];

    [Test]
    public async Task Two_clients_never_see_each_other_and_an_administrator_of_all_sees_both()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        await using BigFsClient a = cluster.Client((await cluster.KeyAsync("rw", "/secret-a")).Text);
        await using BigFsClient b = cluster.Client((await cluster.KeyAsync("rw", "/secret-b")).Text);
        await using BigFsClient all = cluster.Client(cluster.AdminKey);
        byte[] large = new byte[300_000];
        Array.Fill(large, (byte)'A');

        Assert.That(await NamesAsync(a), Is.Empty);
        Assert.That((await a.FindAsync("/"))!.Path, Is.EqualTo(BigFsPath.Root));
        await a.UploadAsync("/docs/large", new MemoryStream(large));
        await a.UploadBytesAsync("/small", "from a"u8.ToArray());
        await b.UploadBytesAsync("/small", "from b"u8.ToArray());

        Assert.That(await a.ReadBytesAsync("/docs/large"), Is.EqualTo(large));
        Assert.That(await a.ReadBytesAsync("/small"), Is.EqualTo("from a"u8.ToArray()));
        Assert.That(await NamesAsync(a), Is.EqualTo(new[] { "/docs", "/small" }));
        Assert.That(await NamesAsync(b), Is.EqualTo(new[] { "/small" }));
        Assert.That(await NamesAsync(all), Is.EqualTo(new[] { "/secret-a", "/secret-b" }));
        Assert.That(await b.FindAsync("/docs/large"), Is.Null);
        Assert.That(await b.DeleteAsync("/docs", new DeleteOptions { Recursive = true }), Is.False);

        BigFsEntry moved = await a.MoveAsync("/docs/large", "/moved/there");
        Assert.That(moved.Path, Is.EqualTo((BigFsPath)"/moved/there"));
        Assert.That(await all.ReadBytesAsync("/secret-a/moved/there"), Is.EqualTo(large));
        Assert.That(await a.DeleteAsync("/moved", new DeleteOptions { Recursive = true }), Is.True);
        Assert.That(await all.FindAsync("/secret-a/moved"), Is.Null);
    }

    [Test]
    public async Task No_path_leads_out_of_a_root_and_no_error_names_what_lies_above()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        await using BigFsClient all = cluster.Client(cluster.AdminKey);
        await all.UploadBytesAsync("/secret-b/kept", "of b"u8.ToArray());
        (string _, string key) = await cluster.KeyAsync("rw", "/hidden/secret-a");
        ClientSettings settings = ClientSettings.Of(cluster.ClientOptions(key), remote: true);

        // Below the client's own checks: what it would not send is sent.
        using var channels = new ChannelCache(settings.ConnectTimeout, ChannelSecurity.Of(key, null));
        var raw = new Protocol.FileServer.FileServerClient(channels.Get(cluster.ControlEndpoint));
        foreach (string path in Tricks)
        {
            string text = path.Contains('\ud800', StringComparison.Ordinal) ? path.Replace('\ud800', '\ufffd') : path;
            Func<Task<string>>[] calls =
            [
                async () => (await raw.FindAsync(new Protocol.FindRequest { Path = text })).ToString(),
                async () => (await raw.OpenAsync(new Protocol.OpenRequest { Path = text })).ToString(),
                async () => (await raw.OpenAsync(new Protocol.OpenRequest { Path = text, Known = new Protocol.KnownFile { Version = 1 } })).ToString(),
                async () => (await raw.ListAsync(new Protocol.ListRequest { Directory = text, Limit = 100 })).ToString(),
                async () => (await raw.ListAsync(new Protocol.ListRequest { Directory = "/", After = text, Prefix = text, Limit = 100 })).ToString(),
                async () => (await raw.DeleteAsync(new Protocol.DeleteRequest { Operation = Guid.NewGuid().ToProto(), Path = text, Recursive = true })).ToString(),
                async () => (await raw.CreateDirectoryAsync(new Protocol.CreateDirectoryRequest { Operation = Guid.NewGuid().ToProto(), Path = text })).ToString(),
                async () => (await raw.MoveAsync(new Protocol.MoveRequest
                {
                    Operation = Guid.NewGuid().ToProto(), Source = text, Destination = "/stolen", Overwrite = true,
                })).ToString(),
                async () => (await raw.CommitFileAsync(new Protocol.CommitFileRequest
                {
                    Operation = Guid.NewGuid().ToProto(), Path = text, Replicas = 1, Manifest = new Protocol.Manifest(),
                })).ToString(),
                async () => (await raw.BeginUploadAsync(new Protocol.BeginUploadRequest
                {
                    Upload = new Protocol.UploadOpening { Operation = Guid.NewGuid().ToProto(), Path = text, Replicas = 1 },
                })).ToString(),
            ];
            foreach (Func<Task<string>> call in calls)
            {
                string said;
                try
                {
                    said = await call();
                }
                catch (global::Grpc.Core.RpcException refused)
                {
                    BigFsException? sent = WireErrors.Sent(refused, "");
                    Assert.That(sent, Is.Not.Null, $"{text}: {refused}");
                    Assert.That(sent!.Code, Is.Not.EqualTo(BigFsErrorCode.Internal), $"{text}: {sent.Message}");
                    said = $"{sent.Message} {sent.Path} {refused.Status.Detail}";
                }

                Assert.That(said, Does.Not.Contain("hidden"), text);
                Assert.That(said, Does.Not.Contain("of b").And.Not.Contain("kept"), text);
            }
        }

        Assert.That(await all.ReadBytesAsync("/secret-b/kept"), Is.EqualTo("of b"u8.ToArray()));
        Assert.That((await NamesAsync(all)).Where(name => name is not "/hidden" and not "/secret-b"), Is.Empty);
        Assert.That(
            (await NamesAsync(all, "/hidden")).Where(name => name != "/hidden/secret-a"), Is.Empty, "what was made lies below the root");
    }

    [Test]
    public async Task Errors_speak_of_the_clients_paths_even_where_a_file_stands_above_its_root()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        await using BigFsClient all = cluster.Client(cluster.AdminKey);
        await using BigFsClient own = cluster.Client((await cluster.KeyAsync("rw", "/above/secret")).Text);
        await own.UploadBytesAsync("/file", new byte[] { 1 });
        await own.UploadBytesAsync("/directory/file", new byte[] { 1 });
        string deep = string.Concat(Enumerable.Repeat("/x", BigFsPath.MaxDepth));

        await ExpectAsync(BigFsErrorCode.NotFound, "/absent", () => own.ReadBytesAsync("/absent"));
        await ExpectAsync(BigFsErrorCode.NotFound, "/absent", () => own.MoveAsync("/absent", "/b"));
        await ExpectAsync(BigFsErrorCode.IsDirectory, "/directory", () => own.ReadBytesAsync("/directory"));
        await ExpectAsync(BigFsErrorCode.IsDirectory, "/", () => own.UploadBytesAsync("/", new byte[] { 1 }));
        await ExpectAsync(BigFsErrorCode.NotDirectory, "/file/x", () => own.UploadBytesAsync("/file/x", new byte[] { 1 }));
        await ExpectAsync(BigFsErrorCode.DirectoryNotEmpty, "/directory", () => own.DeleteAsync("/directory"));
        await ExpectAsync(BigFsErrorCode.AlreadyExists, "/directory/file", () => own.MoveAsync("/file", "/directory/file"));
        await ExpectAsync(BigFsErrorCode.InvalidPath, "/directory/x", () => own.MoveAsync("/directory", "/directory/x"));
        await ExpectAsync(BigFsErrorCode.InvalidPath, "/", () => own.DeleteAsync("/", new DeleteOptions { Recursive = true }));
        await ExpectAsync(BigFsErrorCode.InvalidPath, deep, () => own.FindAsync(deep));

        await all.DeleteAsync("/above", new DeleteOptions { Recursive = true });
        Assert.That(await NamesAsync(own), Is.Empty, "a root that is gone is empty");
        Assert.That((await own.FindAsync("/"))!.Path, Is.EqualTo(BigFsPath.Root));
        await all.UploadBytesAsync("/above", new byte[] { 1 });
        await ExpectAsync(BigFsErrorCode.NotDirectory, "/a", () => own.UploadBytesAsync("/a", new byte[] { 1 }));
    }

    [Test]
    public async Task A_session_an_operation_or_a_listing_token_of_another_client_is_useless()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        string keyOfA = (await cluster.KeyAsync("rw", "/same")).Text;
        string keyOfB = (await cluster.KeyAsync("rw", "/same")).Text;
        using var channels = new ChannelCache(TimeSpan.FromSeconds(5), ChannelSecurity.Of(keyOfA, null));
        using var otherChannels = new ChannelCache(TimeSpan.FromSeconds(5), ChannelSecurity.Of(keyOfB, null));
        var a = new Protocol.FileServer.FileServerClient(channels.Get(cluster.ControlEndpoint));
        var b = new Protocol.FileServer.FileServerClient(otherChannels.Get(cluster.ControlEndpoint));
        var session = Guid.CreateVersion7();
        var opening = new Protocol.BeginUploadRequest
        {
            Upload = new Protocol.UploadOpening { Operation = session.ToProto(), Path = "/file", Replicas = 1 },
        };
        Protocol.UploadTicket ticket = await a.BeginUploadAsync(opening);
        Assert.That(ticket.Session.Id.ToGuid(), Is.EqualTo(session));

        // Not renewed, not ended, and not committed by who only knows its id.
        Assert.That(await CodeAsync(async () => await b.RenewUploadAsync(new Protocol.RenewUploadRequest { Session = session.ToProto() })), Is.EqualTo(BigFsErrorCode.SessionExpired));
        Assert.That(await CodeAsync(async () => await b.CommitUploadAsync(Commit(session))), Is.EqualTo(BigFsErrorCode.SessionExpired));
        await b.AbortUploadAsync(new Protocol.AbortUploadRequest { Session = session.ToProto(), Written = new Protocol.Manifest() });
        await a.RenewUploadAsync(new Protocol.RenewUploadRequest { Session = session.ToProto() });
        Protocol.CommittedFile committed = await a.CommitUploadAsync(Commit(session));
        Assert.That(committed.File.Path, Is.EqualTo("/file"));

        // The same operation id is an operation of its own: b's deletion is carried out, not answered with a's.
        var operation = Guid.CreateVersion7();
        Assert.That((await a.DeleteAsync(new Protocol.DeleteRequest { Operation = operation.ToProto(), Path = "/nothing" })).Deleted, Is.False);
        Assert.That((await b.DeleteAsync(new Protocol.DeleteRequest { Operation = operation.ToProto(), Path = "/file" })).Deleted, Is.True);

        // A token of a's listing only says where in b's own to go on.
        await using BigFsClient clientOfA = cluster.Client(keyOfA);
        await using BigFsClient elsewhere = cluster.Client((await cluster.KeyAsync("rw", "/elsewhere")).Text);
        foreach (string name in new[] { "/a1", "/a2", "/a3" })
        {
            await clientOfA.UploadBytesAsync(name, new byte[] { 1 });
        }

        await elsewhere.UploadBytesAsync("/b2", new byte[] { 1 });
        BigFsPage page = await clientOfA.ListPageAsync("/", new ListOptions { PageSize = 1 });
        BigFsPage other = await elsewhere.ListPageAsync("/", new ListOptions { ContinuationToken = page.ContinuationToken });
        Assert.That(other.Entries.Select(entry => entry.Path.ToString()), Is.EqualTo(new[] { "/b2" }));
    }

    [Test]
    public async Task A_version_is_known_below_one_root_alone()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        await using BigFsClient all = cluster.Client(cluster.AdminKey);
        string key = (await cluster.KeyAsync("rw", "/one")).Text;
        await using BigFsClient one = cluster.Client(key);
        await using BigFsClient two = cluster.Client((await cluster.KeyAsync("rw", "/one")).Text);
        UploadResult uploaded = await one.UploadBytesAsync("/file", new byte[100_000]);
        BigFsVersion own = uploaded.File.Version;
        BigFsVersion full = ((BigFsFile)(await all.FindAsync("/one/file"))!).Version;
        using var channels = new ChannelCache(TimeSpan.FromSeconds(5), ChannelSecurity.Of(key, null));
        var raw = new Protocol.FileServer.FileServerClient(channels.Get(cluster.ControlEndpoint));

        Assert.That(own, Is.Not.EqualTo(full));
        Assert.That(((BigFsFile)(await two.FindAsync("/file"))!).Version, Is.EqualTo(own));
        Assert.That(((BigFsFile)(await one.ListPageAsync("/")).Entries.Single()).Version, Is.EqualTo(own));
        await foreach (BigFsEntry entry in one.ListAsync("/"))
        {
            Assert.That(((BigFsFile)entry).Version, Is.EqualTo(own));
        }

        Assert.That(
            await CodeAsync(async () => await raw.ReadManifestAsync(new Protocol.ManifestRequest { Version = full.Value, Count = 1 })),
            Is.EqualTo(BigFsErrorCode.VersionExpired));
        Assert.That(
            await CodeAsync(async () => await raw.RenewReadAsync(new Protocol.RenewReadRequest { Version = full.Value })),
            Is.EqualTo(BigFsErrorCode.VersionExpired));
        Assert.That((await raw.ReadManifestAsync(new Protocol.ManifestRequest { Version = own.Value, Count = 1 })).Total, Is.EqualTo(1));
        await raw.RenewReadAsync(new Protocol.RenewReadRequest { Version = own.Value });
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(
            () => one.DeleteAsync("/file", new DeleteOptions { Version = full })))!;
        Assert.That(refused.Code, Is.EqualTo(BigFsErrorCode.PreconditionFailed));
        Assert.That(refused.Message, Does.Not.Contain(full.ToString()));
        Assert.That(await two.DeleteAsync("/file", new DeleteOptions { Version = own }), Is.True);
    }

    [Test]
    public async Task An_administrator_below_a_root_makes_sees_and_revokes_keys_below_it_alone()
    {
        await using KeyedCluster cluster = await KeyedCluster.StartAsync();
        (string _, string team) = await cluster.KeyAsync("rwa", "/team");
        (string foreign, string foreignKey) = await cluster.KeyAsync("rw", "/teamwork");
        (string ofTeam, string member) = await cluster.KeyAsync("rw", "/member", by: team);
        await using BigFsAccessKeys keys = BigFsAccessKeys.Connect(cluster.ClientOptions(team));
        await using BigFsClient all = cluster.Client(cluster.AdminKey);
        await using BigFsClient ofMember = cluster.Client(member);

        await ofMember.UploadBytesAsync("/file", new byte[] { 1 });

        Assert.That(await all.ReadBytesAsync("/team/member/file"), Is.EqualTo(new byte[] { 1 }));
        Assert.That((await keys.ListAsync()).Select(key => key.Root.ToString()), Is.EqualTo(new[] { "/", "/member" }));
        Assert.That(await keys.RevokeAsync(foreign), Is.False);
        Assert.That(await keys.RevokeAsync(ofTeam), Is.True);
        await using BigFsClient unharmed = cluster.Client(foreignKey);
        Assert.That(await NamesAsync(unharmed), Is.Empty);
    }

    private static Protocol.CommitUploadRequest Commit(Guid session) => new()
    {
        Operation = Guid.CreateVersion7().ToProto(),
        Session = session.ToProto(),
        Manifest = new Protocol.Manifest(),
    };

    private static async Task<BigFsErrorCode?> CodeAsync(Func<Task> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (global::Grpc.Core.RpcException refused)
        {
            return WireErrors.Sent(refused, "")?.Code;
        }
    }

    private static async Task ExpectAsync(BigFsErrorCode code, string path, Func<Task> call)
    {
        BigFsException refused = (await Assert.ThrowsAsync<BigFsException>(() => call()))!;
        Assert.Multiple(() =>
        {
            Assert.That(refused.Code, Is.EqualTo(code), refused.Message);
            Assert.That(refused.Path, Is.EqualTo(path));
            Assert.That(refused.ToString(), Does.Not.Contain("secret").And.Not.Contain("above\""));
        });
    }

    private static async Task<string[]> NamesAsync(BigFsClient client, string directory = "/")
    {
        var names = new List<string>();
        await foreach (BigFsEntry entry in client.ListAsync(directory))
        {
            names.Add(entry.Path.ToString());
        }

        return [.. names];
    }
}
