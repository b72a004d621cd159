// A cluster of three datanodes in this process: a folder's files go in, one datanode stops, everything is read back.
// dotnet run -c Release --project samples/Quickstart -- [FOLDER] [--keep DATA_FOLDER]
using System.Diagnostics;
using BigFs;
using BigFs.Hosting;

string? keep = args.SkipWhile(argument => argument != "--keep").Skip(1).FirstOrDefault();
string folder = args.FirstOrDefault(argument => argument != "--keep" && argument != keep) ?? RepositoryFolder("docs");
string back = Directory.CreateTempSubdirectory("bigfs-quickstart-").FullName;

await using BigFsCluster cluster = await BigFsCluster.StartAsync(new() { DataNodes = 3, Replicas = 2, DataDirectory = keep });
IBigFsClient client = cluster.Client;

// Upload: a file appears when every chunk is flushed on two datanodes.
var clock = Stopwatch.StartNew();
IReadOnlyList<FileTransferResult> results = await client.UploadDirectoryAsync("/quickstart", folder);
double uploadSeconds = clock.Elapsed.TotalSeconds;

// List: what went where.
Console.WriteLine($"{"size",12}  {"crc32c",8}  {"datanodes",-20}  path");
await foreach (BigFsEntry entry in client.ListAsync("/quickstart"))
{
    DurabilityReceipt? receipt = results.FirstOrDefault(result => result.Path == entry.Path)?.Receipt;
    var nodes = receipt?.Volumes.SelectMany(volume => volume.Nodes).Distinct().Select(id => id[..8]) ?? [];
    Console.WriteLine(entry is BigFsFile file
        ? $"{file.Size,12:N0}  {file.Crc32C:x8}  {string.Join(", ", nodes),-20}  {file.Path}"
        : $"{"directory",12}  {"",8}  {"",-20}  {entry.Path}");
}

// Stop a datanode; every byte is still there, and each is checked against the checksum made at the upload.
await cluster.StopNodeAsync(cluster.Nodes[0]);
clock.Restart();
await client.DownloadDirectoryAsync("/quickstart", back);
double downloadSeconds = clock.Elapsed.TotalSeconds;

FileTransferResult[] files = [.. results.Where(result => result.File is not null)];
int identical = files.Count(file => SameBytes(file.LocalPath, Path.Combine(back, Path.GetRelativePath(folder, file.LocalPath))));
double megabytes = files.Sum(file => file.File!.Size) / 1e6;
Console.WriteLine($"{files.Length} files, {megabytes:N2} MB");
Console.WriteLine($"up on 2 of 3 datanodes, flushed: {megabytes / uploadSeconds:N1} MB/s, {files.Length / uploadSeconds:N0} files/s");
Console.WriteLine($"down with one datanode stopped: {megabytes / downloadSeconds:N1} MB/s, {identical} of {files.Length} identical");
Directory.Delete(back, recursive: true);
return identical == results.Count(result => result.Skipped is null) ? 0 : 1;

static bool SameBytes(string one, string other) => File.ReadAllBytes(one).AsSpan().SequenceEqual(File.ReadAllBytes(other));

static string RepositoryFolder(string name)
{
    DirectoryInfo? at = new(AppContext.BaseDirectory);
    while (at is not null && !File.Exists(Path.Combine(at.FullName, "BigFs.sln")))
    {
        at = at.Parent;
    }

    return Path.Combine(at?.FullName ?? Environment.CurrentDirectory, at is null ? "" : name);
}
