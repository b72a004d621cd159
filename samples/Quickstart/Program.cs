// Embeds a cluster of three datanodes, puts a folder's files into it, stops one datanode, reads everything back.
// dotnet run -c Release --project samples/Quickstart -- [FOLDER] [--keep DATA_FOLDER]
using System.Diagnostics;
using BigFs;
using BigFs.Hosting;

int keepAt = Array.IndexOf(args, "--keep");
string? data = keepAt >= 0 ? args[keepAt + 1] : null;
string folder = args.Length > 0 && keepAt != 0 ? args[0] : FindRepository();
string back = Directory.CreateTempSubdirectory("bigfs-quickstart-").FullName;

await using BigFsCluster cluster = await BigFsCluster.StartAsync(new() { DataNodes = 3, Replicas = 2, DataDirectory = data });
IBigFsClient client = cluster.Client;

// Upload: every chunk is flushed on two datanodes before a file appears.
var clock = Stopwatch.StartNew();
IReadOnlyList<UploadedFile> uploaded = await client.UploadDirectoryAsync(folder, "/quickstart");
double upload = clock.Elapsed.TotalSeconds;
foreach (UploadedFile failed in uploaded.Where(file => file.Error is not null))
{
    Console.WriteLine($"not uploaded: {failed.LocalPath}: {failed.Error!.Message}");
}

// List.
Console.WriteLine($"{"size",12}  {"replicas",8}  {"crc32c",8}  {"on datanodes",-20}  path");
foreach (UploadResult result in uploaded.Select(file => file.Result).OfType<UploadResult>().Take(20))
{
    string nodes = string.Join(" ", result.Receipt.Volumes.SelectMany(volume => volume.Nodes).Distinct().Select(id => id[..8]));
    Console.WriteLine($"{result.File.Size,12:N0}  {result.Receipt.Replicas,8}  {result.File.Crc32C:x8}  {nodes,-20}  {result.File.Path}");
}

await foreach (BigFsEntry entry in client.ListAsync("/quickstart"))
{
    Console.WriteLine(entry is BigFsDirectory ? $"{"directory",12}  {entry.Path}" : $"{"file",12}  {entry.Path}");
}

// Stop a datanode and read everything back from the others.
await cluster.StopNodeAsync(cluster.Nodes[0]);
clock.Restart();
await client.DownloadDirectoryAsync("/quickstart", back);
double download = clock.Elapsed.TotalSeconds;

UploadResult[] results = [.. uploaded.Select(file => file.Result).OfType<UploadResult>()];
int same = results.Count(result => File.ReadAllBytes(Local(result)).AsSpan().SequenceEqual(File.ReadAllBytes(Original(result))));
double megabytes = results.Sum(result => result.File.Size) / 1e6;
Console.WriteLine($"{results.Length} files, {megabytes:N1} MB: up {megabytes / upload:N0} MB/s on 2 of 3 datanodes, flushed;"
    + $" down {megabytes / download:N0} MB/s with one datanode stopped; {same} of {results.Length} identical.");
Directory.Delete(back, recursive: true);
return same == results.Length && results.Length == uploaded.Count ? 0 : 1;

string Relative(UploadResult result) => result.File.Path.ToString()["/quickstart/".Length..];
string Local(UploadResult result) => Path.Combine(back, Relative(result));
string Original(UploadResult result) => Path.Combine(folder, Relative(result));

static string FindRepository()
{
    DirectoryInfo? at = new(AppContext.BaseDirectory);
    while (at is not null && !File.Exists(Path.Combine(at.FullName, "BigFs.sln")))
    {
        at = at.Parent;
    }

    return Path.Combine(at?.FullName ?? Environment.CurrentDirectory, "src");
}
