using BigFs.Hosting.PostgreSql.Tests.Server;
using NUnit.Framework;

/// <summary>Stops the shared server at the end of all tests.</summary>
[SetUpFixture]
internal sealed class SharedServerLife
{
    [OneTimeTearDown]
    public Task Stop() => SharedServer.StopAsync();
}
