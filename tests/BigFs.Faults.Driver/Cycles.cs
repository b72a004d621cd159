using System.Globalization;
using BigFs.Core.Storage;

namespace BigFs.Faults.Driver;

/// <summary>Opens and closes a store again and again and counts the process's descriptors after each time.</summary>
internal static class Cycles
{
    public static async Task RunAsync(string directory, int times)
    {
        var output = new LineWriter();
        for (int i = 0; i < times; i++)
        {
            using (IDisk disk = new PosixDisk())
            {
                VolumeStore store = await Stores.OpenAsync(directory, disk);
                await store.DisposeAsync();
            }

            output.Write(Directory.GetFiles("/proc/self/fd").Length.ToString(CultureInfo.InvariantCulture));
        }

        output.Write(Line.Done);
    }
}
