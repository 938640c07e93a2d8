#include "report/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "report/escape.h"

namespace rehome {
namespace {

std::size_t Occurrences(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

Progress Items(std::uint64_t done) {
  return {.phase = Phase::kItems, .step = "items", .done = done, .total = 101, .quarantined = 1};
}

TEST(StepMeter, SaysDoneRateEtaAndQuarantine) {
  StepMeter meter;
  const SteadyTime start;
  meter.Advance(Items(1), start);
  meter.Advance(Items(51), start + Millis{2'000});
  EXPECT_EQ(meter.Line(), "items  51/101  50 %  25/s  ETA 2.0 s  1 quarantined");
}

TEST(StepMeter, DoesNotCreditThisProcessWithWhatAResumeFound) {
  StepMeter meter;
  const SteadyTime start;
  meter.Advance(Items(100), start);
  meter.Advance(Items(100), start + Millis{2'000});
  EXPECT_EQ(meter.Line(), "items  100/101  99 %  1 quarantined");
}

TEST(StepMeter, SurvivesATotalThatShrankAndACountThatFell) {
  StepMeter meter;
  const SteadyTime start;
  meter.Advance(Items(50), start);
  Progress odd = Items(20);
  odd.total = 10;
  meter.Advance(odd, start + Millis{1'000});
  EXPECT_EQ(meter.Line(), "items  20/10  100 %  1 quarantined");
}

TEST(TerminalProgress, RedrawsAtMostTenTimesASecond) {
  std::ostringstream out;
  ManualClock clock;
  {
    TerminalProgress progress(out, clock, 80);
    for (int i = 0; i < 1'000; ++i) {
      progress.Advanced(Items(static_cast<std::uint64_t>(i % 101)));
      clock.Advance(Millis{1});
    }
  }
  const std::size_t redrawn = Occurrences(out.str(), "phase 2");
  EXPECT_GE(redrawn, 8U);
  EXPECT_LE(redrawn, 10U);
}

TEST(TerminalProgress, KeepsTheLiveLineShorterThanTheTerminal) {
  std::ostringstream out;
  ManualClock clock;
  {
    TerminalProgress progress(out, clock, 30);
    Progress event = Items(5);
    event.step = std::string(200, 'x') + "\n\x1b[2J";
    progress.Advanced(event);
  }
  std::string drawn = out.str();
  const std::string erase = "\r\033[2K";
  drawn = drawn.substr(erase.size(), drawn.rfind(erase) - erase.size());
  EXPECT_LT(DisplayWidth(drawn), 30U);
}

TEST(TerminalProgress, LeavesNotesAndFinishedPhasesAboveAndNoLiveLineBehind) {
  std::ostringstream out;
  ManualClock clock;
  {
    TerminalProgress progress(out, clock, 80);
    progress.PhaseStarted(Phase::kItems);
    progress.Advanced(Items(101));
    progress.Warn("odd \x1b[31mname");
    progress.PhaseFinished(Phase::kItems, PhaseState::kDone, 1.5);
    progress.PhaseStarted(Phase::kVectors);
  }
  const std::string text = out.str();
  EXPECT_NE(text.find("warning: odd \\x1b[31mname\n"), std::string::npos);
  EXPECT_NE(text.find("phase 2 items: done in 1.5 s\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\033[2K"));
}

TEST(PlainProgress, PrintsAtMostOneLineInFiveSecondsAndNoControlCharacters) {
  std::ostringstream out;
  ManualClock clock;
  PlainProgress progress(out, clock);
  progress.PhaseStarted(Phase::kItems);
  for (std::uint64_t i = 0; i < 100; ++i) {
    clock.Advance(Millis{110});
    progress.Advanced(Items(i));
  }
  progress.PhaseFinished(Phase::kItems, PhaseState::kDone, 11);
  EXPECT_EQ(Occurrences(out.str(), "\n"), 4U);
  EXPECT_EQ(out.str().find('\r'), std::string::npos);
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos);
}

TEST(TeeSink, PassesEveryEventToEachSink) {
  std::ostringstream first;
  std::ostringstream second;
  ManualClock clock;
  std::vector<std::unique_ptr<EventSink>> sinks;
  sinks.push_back(std::make_unique<PlainProgress>(first, clock));
  sinks.push_back(std::make_unique<PlainProgress>(second, clock));
  TeeSink tee(std::move(sinks));
  tee.PhaseStarted(Phase::kTenants);
  tee.Note("n");
  EXPECT_EQ(first.str(), "phase 1 tenants: started\nn\n");
  EXPECT_EQ(first.str(), second.str());
}

}  // namespace
}  // namespace rehome
