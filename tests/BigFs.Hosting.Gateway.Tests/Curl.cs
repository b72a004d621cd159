using System.Diagnostics;
using NUnit.Framework;

namespace BigFs.Hosting.Gateway.Tests;

/// <summary>curl as it is installed.</summary>
internal static class Curl
{
    private static readonly Lazy<bool> IsThere = new(() =>
    {
        try
        {
            using Process curl = Start("--version");
            curl.StandardOutput.ReadToEnd();
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    /// <summary>Skips the test where there is none.</summary>
    public static void Require()
    {
        if (!IsThere.Value)
        {
            Assert.Ignore("There is no curl.");
        }
    }

    /// <summary>Runs it: its exit code and what it wrote.</summary>
    public static async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        using Process curl = Start(["-q", "--noproxy", "*", "--max-time", "60", .. arguments]);
        Task<string> errors = curl.StandardError.ReadToEndAsync();
        string output = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();
        await errors;
        return (curl.ExitCode, output.Trim());
    }

    private static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo("curl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
