// A cluster of three datanodes in this process: a folder's files go in, one datanode stops, everything is read back.
// dotnet run -c Release --project samples/Quickstart -- [FOLDER] [--keep DATA_FOLDER]
using System.Diagnostics;
using System.Security.Cryptography;
using BigFs;
using BigFs.Hosting;

string? keep = args.SkipWhile(argument => argument != "--keep").Skip(1).FirstOrDefault();
string folder = args.FirstOrDefault(argument => argument != "--keep" && argument != keep) ?? RepositoryFolder("src");

await using BigFsCluster cluster = await BigFsCluster.StartAsync(new() { DataNodes = 3, Replicas = 2, DataDirectory = keep });
IBigFsClient client = cluster.Client;

// Upload: a file appears when every chunk is flushed on two datanodes.
var clock = Stopwatch.StartNew();
IReadOnlyList<FileTransferResult> results = await client.UploadDirectoryAsync("/quickstart", folder);
double uploadSeconds = clock.Elapsed.TotalSeconds;
FileTransferResult[] files = [.. results.Where(result => result.File is not null)];

// List, and show where the largest files went.
await foreach (BigFsEntry entry in client.ListAsync("/quickstart"))
{
    Console.WriteLine($"{(entry is BigFsFile file ? $"{file.Size:N0} bytes" : "directory"),20}  {entry.Path}");
}

Console.WriteLine($"\n{"size",12}  {"replicas",8}  {"crc32c",8}  {"on datanodes",-20}  path");
foreach (FileTransferResult file in files.OrderByDescending(file => file.File!.Size).Take(8))
{
    IEnumerable<string> nodes = file.Receipt!.Volumes.SelectMany(volume => volume.Nodes).Distinct().Select(id => id[..8]);
    Console.WriteLine($"{file.File!.Size,12:N0}  {file.Receipt.Replicas,8}  {file.File.Crc32C:x8}  {string.Join(", ", nodes),-20}  {file.Path}");
}

// Stop a datanode and read everything back from the others.
await cluster.StopNodeAsync(cluster.Nodes[0]);
clock.Restart();
int identical = 0;
foreach (FileTransferResult file in files)
{
    await using BigFsReadStream remote = await client.OpenReadAsync(file.Path);
    await using FileStream local = File.OpenRead(file.LocalPath);
    string checksum = Convert.ToHexString(await SHA256.HashDataAsync(remote));
    identical += checksum == Convert.ToHexString(await SHA256.HashDataAsync(local)) ? 1 : 0;
}

double megabytes = files.Sum(file => file.File!.Size) / 1e6;
Console.WriteLine($"\n{files.Length} files, {megabytes:N1} MB");
Console.WriteLine($"up, flushed on 2 of 3 datanodes:  {megabytes / uploadSeconds:N0} MB/s, {files.Length / uploadSeconds:N0} files/s");
Console.WriteLine($"down, with one datanode stopped:  {megabytes / clock.Elapsed.TotalSeconds:N0} MB/s, {identical} of {files.Length} identical");
return files.Length > 0 && identical == files.Length && results.All(result => result.Error is null) ? 0 : 1;

static string RepositoryFolder(string name)
{
    string? at = AppContext.BaseDirectory;
    while (at is not null && !File.Exists(Path.Combine(at, "BigFs.sln")))
    {
        at = Path.GetDirectoryName(at);
    }
    return Path.Combine(at ?? Environment.CurrentDirectory, at is null ? "" : name);
}
