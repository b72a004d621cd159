using BigFs.Core.Security;
using BigFs.Hosting.Tests.Persistence;
using NUnit.Framework;

namespace BigFs.Hosting.Tests.Security;

public sealed class BigFsClusterSecretFileTests
{
    [Test]
    public void It_is_made_once_and_for_its_owner_alone()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "data", BigFsClusterSecretFile.Name);

        ClusterSecret first = BigFsClusterSecretFile.LoadOrCreate(path);

        Assert.That(BigFsClusterSecretFile.LoadOrCreate(path).Format(), Is.EqualTo(first.Format()));
        Assert.That(BigFsClusterSecretFile.Load(path).Format(), Is.EqualTo(first.Format()));
        Assert.That(BigFsClusterSecretFile.CreateInMemory().Format(), Is.Not.EqualTo(first.Format()));
        Assert.That(Directory.GetFiles(Path.GetDirectoryName(path)!), Is.EqualTo(new[] { path }));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(path), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }
    }

    [Test]
    [Repeat(20)]
    public async Task Those_who_make_it_at_the_same_time_get_the_same()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, BigFsClusterSecretFile.Name);

        ClusterSecret[] made = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => BigFsClusterSecretFile.LoadOrCreate(path))));

        Assert.That(made.Select(secret => secret.Format()).Distinct().Count(), Is.EqualTo(1));
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { path }));
    }

    [TestCase(UnixFileMode.GroupRead)]
    [TestCase(UnixFileMode.OtherRead)]
    [TestCase(UnixFileMode.OtherWrite)]
    [Platform(Exclude = "Win")]
    public void One_that_others_may_open_is_refused(UnixFileMode others)
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, BigFsClusterSecretFile.Name);
        BigFsClusterSecretFile.LoadOrCreate(path);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, File.GetUnixFileMode(path) | others);
        }

        BigFsException refusal = Assert.Throws<BigFsException>(() => BigFsClusterSecretFile.LoadOrCreate(path))!;

        Assert.That(refusal.Code, Is.EqualTo(BigFsErrorCode.InvalidSettings));
        Assert.That(refusal.Message, Does.Contain(path).And.Contain("chmod 600"));
    }

    [Test]
    public void One_that_is_absent_or_holds_something_else_is_refused_by_name()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, BigFsClusterSecretFile.Name);

        BigFsException absent = Assert.Throws<BigFsException>(() => BigFsClusterSecretFile.Load(path))!;
        BigFsClusterSecretFile.LoadOrCreate(path);
        File.WriteAllText(path, "1:abc");
        BigFsException other = Assert.Throws<BigFsException>(() => BigFsClusterSecretFile.Load(path))!;

        Assert.That((absent.Code, other.Code), Is.EqualTo((BigFsErrorCode.InvalidSettings, BigFsErrorCode.InvalidSettings)));
        Assert.That(absent.Message, Does.Contain(path));
        Assert.That(other.Message, Does.Contain(path).And.Not.Contain("abc"));
    }
}
