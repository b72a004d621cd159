using Attempts = System.Func<BigFs.Cli.Tests.Scenarios.SituationCluster, System.Func<System.Threading.Tasks.Task<BigFs.Cli.Tests.Scenarios.Outcome>>[]>;

namespace BigFs.Cli.Tests.Scenarios;

/// <summary>How each situation of docs/errors.md is brought about.</summary>
internal static class ErrorSituations
{
    private const string NameServer = "127.0.0.1:7400";

    public static IReadOnlyDictionary<string, Attempts> All { get; } = new Dictionary<string, Attempts>
    {
        ["a path with a segment `..` or `.`"] = c => [c.Command("ls", "/a/../b"), c.Command("stat", "/a/.")],
        ["a path that holds NUL"] = c => [c.ShellLine("stat /a\0b")],
        ["a path with an empty segment (`//`)"] = c => [c.Command("ls", "/a//b"), c.Command("mkdir", "bigfs:/a//")],
        ["a path that does not start with `/`"] = c => [c.Command("ls", "file"), c.Command("cat", "bigfs:file")],
        ["a name longer than 255 bytes of UTF-8"] = c => [c.Command("stat", "/" + new string('ç', 128))],
        ["a path longer than 4,096 bytes of UTF-8"] =
            c => [c.Command("stat", string.Concat(Enumerable.Repeat("/" + new string('a', 200), 21)))],
        ["a path deeper than 256 levels"] = c => [c.Command("mkdir", string.Concat(Enumerable.Repeat("/a", 257)))],
        ["an option of an operation outside its range (9 replicas)"] =
            c => [c.Command("cp", "--replicas", "9", c.Folder.At("local"), "bigfs:/x")],
        ["user metadata of more than 8 KiB"] = c => [c.Call(client => client.UploadAsync(
            "/x", new MemoryStream(), new UploadOptions { Metadata = { ["a"] = new string('a', 9 << 10) } }))],

        ["nothing at the path: read"] = c => [c.Command("cat", "/missing"), c.Command("cp", "bigfs:/missing", c.Folder.At("x"))],
        ["nothing at the path: list"] = c => [c.Command("ls", "/missing")],
        ["nothing at the path: remove"] = c => [c.Command("rm", "/missing"), c.Command("rm", "-r", "/missing")],
        ["nothing at the path: move"] = c => [c.Command("mv", "/missing", "/x")],
        ["a directory where a file is expected: read"] = c => [c.Command("cat", "/dir")],
        ["a directory where a file is expected: copy out without `-r`"] = c => [c.Command("cp", "bigfs:/dir", c.Folder.At("x"))],
        ["a directory where a file is expected: write"] = c => [c.Call(client => client.UploadAsync("/dir", new MemoryStream()))],
        ["a file where a directory is expected: upload below it"] = c => [c.Command("cp", c.Folder.At("local"), "bigfs:/file/x")],
        ["a file where a directory is expected: make a directory below it"] = c => [c.Command("mkdir", "/file/x")],
        ["a file where a directory is expected: list it as `file/`"] = c => [c.Command("ls", "/file/")],
        ["deleting a directory that is not empty, without `-r`"] = c => [c.Command("rm", "/dir")],
        ["something is there, and nothing was to be (`--if-absent`)"] =
            c => [c.Command("cp", "--if-absent", c.Folder.At("local"), "bigfs:/file")],
        ["moving onto a file without `--overwrite`"] = c => [c.Command("mv", "/dir/file", "/file")],
        ["the file is of another version (`--if-version`)"] =
            c => [c.Command("cp", "--if-version", "00000000000000ff", c.Folder.At("local"), "bigfs:/file")],

        ["fewer datanodes up than replicas asked for"] =
            c => [c.Command("cp", "--replicas", "4", c.Folder.At("local"), "bigfs:/x")],
        ["an endpoint that nobody listens on"] =
            _ => [SituationCluster.Alone("ls", "--endpoint", "bigfs://127.0.0.1:1"), SituationCluster.Alone("ls", "--endpoint", "127.0.0.1:1")],
        ["every replica of a chunk is damaged"] = c => [c.Damaged()],
        ["the port of the endpoint is in use"] = c => [SituationCluster.Alone(
            "dev", "--data", c.Folder.At("other"), "--port", new Uri(c.Endpoint).Port.ToString(null, null))],
        ["a datanode's folder of another cluster"] = c => [c.ForeignFolder()],
        ["a data folder that another process uses"] =
            c => [SituationCluster.Alone("dev", "--data", c.Folder.At("data"), "--port", "0")],
        ["a data folder whose `dev.json` is damaged"] = c => [c.DamagedState()],

        ["setting: `--nodes` below 1 or above 64"] =
            c => [Dev(c, "--nodes", "0"), Dev(c, "--nodes", "65"), Dev(c, "--processes", "--nodes", "-1")],
        ["setting: `--file-servers` below 1 or above 16"] =
            c => [Dev(c, "--file-servers", "0"), Dev(c, "--processes", "--file-servers", "17")],
        ["setting: `--port` above 65,535"] = c => [Dev(c, "--port", "65536"), Dev(c, "--processes", "--port", "65536")],
        ["setting: a role that does not exist"] = _ => [SituationCluster.Alone("run", "chief")],
        ["setting: a key of `--config`, or a variable `BIGFS_...`, that nobody knows"] =
            c => [SituationCluster.Alone("run", "--config", c.Folder.Write("bad.json", "{\"BigFs\":{\"Lisen\":1}}"))],
        ["setting: a role twice"] = _ => [SituationCluster.Alone("run", "name-server", "name-server")],
        ["setting: no `--data` for a role that keeps data"] = _ =>
        [
            SituationCluster.Alone("run", "datanode", "--name-server", NameServer),
            SituationCluster.Alone("run", "node-manager", "--name-server", NameServer),
            SituationCluster.Alone("run", "metadata-server", "--name-server", NameServer),
        ],
        ["setting: `--listen` that is no host:port"] = _ => [Run("--listen", "here"), Run("--listen", "127.0.0.1:99999")],
        ["setting: `--listen` beyond loopback"] = _ => [Run("--listen", "0.0.0.0:0")],
        ["setting: `--transfer-listen` that is no host:port"] = c => [DataNode(c, "--transfer-listen", "here")],
        ["setting: `--transfer-listen` beyond loopback"] = c => [DataNode(c, "--transfer-listen", "0.0.0.0:0")],
        ["setting: no `--name-server` where none runs here"] = _ => [SituationCluster.Alone("run", "file-server")],
        ["setting: `--name-server` that is no host:port"] =
            _ => [SituationCluster.Alone("run", "file-server", "--name-server", "there")],
        ["setting: no `--cluster-secret` for a file server or datanode"] = c =>
        [
            SituationCluster.Alone("run", "file-server", "--name-server", NameServer),
            SituationCluster.Alone("run", "datanode", "--data", c.Folder.At("never"), "--name-server", NameServer),
        ],
        ["setting: `--cluster-secret` that is no file, open to others, or holds no secret"] = c =>
        [
            FileServer("--cluster-secret", c.Folder.At("missing")),
            FileServer("--cluster-secret", OpenFile(c)),
            FileServer("--cluster-secret", c.Folder.At("local")),
        ],
        ["setting: `--transfer-certificate` without its key or authority"] = c => [DataNode(c, "--transfer-certificate", c.Folder.At("local"))],
        ["setting: `--replicas` of a role below 1 or above 8"] = _ => [Run("--replicas", "0"), Run("--replicas", "9")],
        ["setting: `--prepared` below 0 or above 1 TiB"] = _ => [Run("--prepared", "-1"), Run("--prepared", "1099511627777")],

        ["setting: an endpoint that is none"] =
            _ => [SituationCluster.Alone("ls", "--endpoint", "ftp://127.0.0.1:1"), SituationCluster.Alone("ls", "--endpoint", "nowhere")],
        ["an unknown command, option or argument, or a missing one"] = c =>
            [SituationCluster.Alone("nonsense"), c.Command("ls", "--lang"), c.Command("ls", "/", "/"), c.Command("rm")],
        ["`cp` with both sides local"] = c => [c.Command("cp", c.Folder.At("local"), c.Folder.At("x"))],
        ["`cp` with both sides in BigFS"] = c => [c.Command("cp", "bigfs:/file", "bigfs:/x")],
        ["`cp` of a local folder without `-r`"] = c => [c.Command("cp", c.Folder.Path, "bigfs:/x")],
        ["`cp -` into a directory"] = c => [c.Command("cp", "-", "bigfs:/dir"), c.Command("cp", "-", "bigfs:/new/")],
        ["`--memory` with `--processes`"] = _ => [SituationCluster.Alone("dev", "--memory", "--processes")],
        ["`--memory` with `--data`"] = c => [Dev(c, "--memory")],
        ["a local file that does not exist"] = c => [c.Command("cp", c.Folder.At("missing"), "bigfs:/x")],
        ["another failure of a local file (disk full, a folder in the way)"] = c => [FolderInTheWay(c)],
        ["some of several things failed"] = c => [c.Command("stat", "/file", "/missing")],
        ["Ctrl-C or SIGTERM during a client command"] = c => [c.Interrupted()],
    };

    private static Func<Task<Outcome>> Dev(SituationCluster cluster, params string[] arguments) =>
        SituationCluster.Alone(["dev", "--data", cluster.Folder.At("never"), .. arguments]);

    private static Func<Task<Outcome>> Run(params string[] arguments) => SituationCluster.Alone(["run", "name-server", .. arguments]);

    private static Func<Task<Outcome>> FileServer(params string[] arguments) =>
        SituationCluster.Alone(["run", "file-server", "--name-server", NameServer, .. arguments]);

    private static Func<Task<Outcome>> DataNode(SituationCluster cluster, params string[] arguments) => SituationCluster.Alone(
        ["run", "datanode", "--data", cluster.Folder.At("never"), "--name-server", NameServer, "--cluster-secret", Secret(cluster), .. arguments]);

    private static string Secret(SituationCluster cluster) => Path.Combine(cluster.Folder.At("data"), "cluster-secret");

    /// <summary>A file that any user of this machine may read.</summary>
    private static string OpenFile(SituationCluster cluster)
    {
        string path = cluster.Folder.At("open-secret");
        File.Copy(Secret(cluster), path, overwrite: true);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.OtherRead);
        }

        return path;
    }

    private static Func<Task<Outcome>> FolderInTheWay(SituationCluster cluster)
    {
        Directory.CreateDirectory(cluster.Folder.At("way/file"));
        return cluster.Command("cp", "bigfs:/file", cluster.Folder.At("way"));
    }
}
