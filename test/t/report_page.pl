# The report page in a real browser, where Chromium is installed: it says
# nothing on the console, shows its texts and charts, and is never wider than
# the window.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp;
use IPC::Run qw(run timeout);
use LlmCost;
use PostgreSQL::Test::Utils;
use Test::More;

my ($chromium) = grep { -x } map { ("/usr/bin/$_") } qw(chromium chromium-browser google-chrome);
$chromium or plan skip_all => 'no Chromium is installed';

my $node = new_node('page');
$node->safe_psql('postgres', q{SET client_min_messages = warning; CREATE EXTENSION llm_cost CASCADE});
my $sample = slurp_file(dirname(__FILE__) . '/../report_sample.json');
my $profile = File::Temp->newdir;

# What the database answers, in UTF-8.
sub page_of
{
	my ($document) = @_;
	return $node->safe_psql('postgres', "SELECT llm_cost.report_html_of(\$document\$$document\$document\$::jsonb)");
}

# Opens a page of our own that holds the report in a frame so wide, looks into
# the frame, and writes what it sees; returns that, and what the console said.
sub look_at
{
	my ($html, $width, @options) = @_;
	my $file = "$profile/page.html";
	my $escaped = $html =~ s/&/&amp;/gr =~ s/"/&quot;/gr;

	open my $out, '>', $file or die "$file: $!";
	print $out <<"END";
<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe id="frame" style="border:0;width:${width}px;height:2000px" srcdoc="$escaped"></iframe>
<pre id="seen"></pre><script>
document.getElementById('frame').onload = function () {
	const page = this.contentDocument, root = page.documentElement, seen = [];
	const count = (what) => page.querySelectorAll(what).length;
	seen.push('scroll ' + root.scrollWidth, 'client ' + root.clientWidth, 'title ' + page.title, 'mode ' + page.compatMode, 'sections ' + count('section'),
		'charts ' + count('svg[role=img]'), 'tables ' + count('table'), 'first ' + (page.querySelector('ol .usd') || {}).textContent);
	// parts that stick out of the page, but for those in a box of their own that scrolls
	page.querySelectorAll('body *').forEach((e) => {
		const box = e.getBoundingClientRect();
		if (box.width > 0 && (box.right > root.clientWidth + 0.5 || box.left < -0.5) && !e.closest('.scroll')) seen.push('outside ' + e.tagName + ' ' + e.textContent.slice(0, 40));
	});
	page.querySelectorAll('svg[role=img]').forEach((e) => {
		const box = e.getBoundingClientRect();
		seen.push('chart ' + (box.width > 100 && box.height > 30 ? 'drawn' : 'empty'));
	});
	// texts of a chart that lie on each other
	page.querySelectorAll('svg[role=img]').forEach((chart) => {
		const boxes = [...chart.querySelectorAll('text')].map((e) => [e, e.getBoundingClientRect()]);
		boxes.forEach(([e, a], i) => boxes.slice(i + 1).forEach(([f, b]) => {
			const across = Math.min(a.right, b.right) - Math.max(a.left, b.left), down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
			if (across > 2 && down > 5) seen.push('overlap ' + e.textContent + ' / ' + f.textContent);
		}));
	});
	seen.push('colour ' + page.defaultView.getComputedStyle(page.body).backgroundColor);
	document.getElementById('seen').textContent = seen.join('\\n');
};
</script>
END
	close $out;
	my ($dom, $console);
	run [ $chromium, qw(--headless=new --hide-scrollbars --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions --disable-background-networking
			--enable-logging=stderr --virtual-time-budget=5000 --dump-dom), '--window-size=1400,2200', @options, "--user-data-dir=$profile/user", "file://$file" ],
		'>', \$dom, '2>', \$console, timeout(120);
	my ($seen) = $dom =~ m{<pre id="seen">(.*?)</pre>}s;
	$console = join "\n", grep { /CONSOLE/ } split /\n/, $console;
	return ($seen // "nothing\n$dom", $console);
}

my $page = page_of($sample);
# as a user gets it
like($page, qr/\A<!DOCTYPE html>/, 'the page begins as HTML does');

foreach my $width (1280, 390)
{
	my ($seen, $console) = look_at($page, $width);

	is($console, '', "$width pixels: the console is silent");
	like($seen, qr/^client $width$/m, "$width pixels: as wide as the window");
	like($seen, qr/^scroll $width$/m, "$width pixels: nothing to scroll sideways");
	unlike($seen, qr/^outside /m, "$width pixels: nothing sticks out") or diag $seen;
	unlike($seen, qr/^overlap /m, "$width pixels: no texts of a chart on each other") or diag $seen;
	is(() = $seen =~ /^chart drawn$/mg, 5, "$width pixels: five charts are drawn");
	like($seen, qr/^sections 15$/m, "$width pixels: all sections");
	like($seen, qr/^tables 9$/m, "$width pixels: all tables");
	like($seen, qr/^mode CSS1Compat$/m, "$width pixels: in standards mode");
	like($seen, qr/^title LLM spend, Week of 22 to 28 June 2026, shop\.llm_call_usage$/m, "$width pixels: titled");
	like($seen, qr/^first \$46,871$/m, "$width pixels: the dearest finding first");
	like($seen, qr/^colour rgb\(255, 255, 255\)$/m, "$width pixels: light");
}

my ($dark) = look_at($page, 1280, '--blink-settings=preferredColorScheme=0');
like($dark, qr/^colour rgb\(21, 23, 26\)$/m, 'dark where that is preferred');

# Names as long, as foreign and as hostile as they come.
foreach my $name ('x' x 3000, '\"><script>document.title = 1; console.error(1)</script>', "\xd7\x90\xd7\x91\xd7\x92 \xf0\x9f\x90\x8b")
{
	my ($seen, $console) = look_at(page_of($sample =~ s/support/$name/gr), 390);
	my $what = substr $name, 0, 8;

	is($console, '', "$what: the console is silent");
	like($seen, qr/^scroll 390$/m, "$what: nothing to scroll sideways");
	like($seen, qr/^sections 15$/m, "$what: all sections");
	like($seen, qr/^title LLM spend/m, "$what: nothing of it runs");
}

my ($empty) = look_at(page_of('{}'), 390);
like($empty, qr/^scroll 390\n/, 'an empty document makes a page');
unlike($empty, qr/^outside /m, 'in which nothing sticks out');

done_testing();
