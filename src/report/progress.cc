#include "report/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "report/escape.h"
#include "report/table.h"

namespace rehome {
namespace {

constexpr Millis kRedrawInterval{100};
constexpr Millis kPlainInterval{5'000};
constexpr std::size_t kColumnsMin = 20;
constexpr std::string_view kEraseLine = "\r\033[2K";

std::string Title(Phase phase) {
  return fmt::format("phase {} {}", Number(phase), Name(phase));
}

std::string Title(const Progress& progress) {
  return progress.phase ? Title(*progress.phase) : "verify";
}

std::string FinishedLine(Phase phase, PhaseState state, double seconds) {
  return fmt::format("{}: {} {}", Title(phase),
                     state == PhaseState::kDone ? "done in" : "stopped after",
                     FormatDuration(Millis{std::llround(seconds * 1000)}));
}

bool IsLast(const Progress& progress) {
  return progress.total != 0 && progress.done >= progress.total;
}

}  // namespace

void StepMeter::Advance(const Progress& progress, SteadyTime now) {
  if (!last_ || last_->step != progress.step || last_->phase != progress.phase) {
    started_ = now;
    done_at_start_ = progress.done;
  }
  last_ = progress;
  now_ = now;
}

std::string StepMeter::Line() const {
  if (!last_) {
    return {};
  }
  std::string line = Escape(last_->step) + "  " + FormatCount(last_->done);
  if (last_->total != 0) {
    const double percent =
        100.0 * static_cast<double>(last_->done) / static_cast<double>(last_->total);
    line += fmt::format("/{}  {:.0f} %", FormatCount(last_->total),
                        std::floor(std::min(percent, 100.0)));
  }
  const double seconds = std::chrono::duration<double>(now_ - started_).count();
  const auto moved = static_cast<double>(last_->done - std::min(last_->done, done_at_start_));
  if (seconds > 0 && moved > 0) {
    const double rate = moved / seconds;
    line += rate < 10 ? fmt::format("  {:.1f}/s", rate)
                      : fmt::format("  {}/s", FormatCount(static_cast<std::uint64_t>(rate)));
    if (last_->total > last_->done) {
      const double left = static_cast<double>(last_->total - last_->done) / rate;
      line += "  ETA " + FormatDuration(Millis{std::llround(std::min(left, 1e9) * 1000)});
    }
  }
  if (last_->quarantined != 0) {
    line += fmt::format("  {} quarantined", FormatCount(last_->quarantined));
  }
  return line;
}

TerminalProgress::TerminalProgress(std::ostream& stream, Clock& clock, std::size_t columns)
    : stream_(stream), clock_(clock), columns_(std::max(columns, kColumnsMin)) {}

TerminalProgress::~TerminalProgress() {
  const std::scoped_lock lock(mutex_);
  Erase();
  stream_.flush();
}

void TerminalProgress::PhaseStarted(Phase phase) {
  const std::scoped_lock lock(mutex_);
  title_ = Title(phase);
  in_phase_ = true;
  meter_.Clear();
  Draw();
}

void TerminalProgress::PhaseFinished(Phase phase, PhaseState state, double seconds) {
  const std::scoped_lock lock(mutex_);
  title_.clear();
  in_phase_ = false;
  meter_.Clear();
  PrintAbove(FinishedLine(phase, state, seconds));
}

void TerminalProgress::Advanced(const Progress& progress) {
  const std::scoped_lock lock(mutex_);
  const SteadyTime now = clock_.Steady();
  meter_.Advance(progress, now);
  title_ = Title(progress);
  if (IsLast(progress) && !in_phase_) {
    title_.clear();  // what follows may be printed by others
    Erase();
  } else if (!drawn_ || now - *drawn_ >= kRedrawInterval) {
    Draw();
  }
}

void TerminalProgress::Note(std::string text) {
  const std::scoped_lock lock(mutex_);
  PrintAbove(EscapeLines(text));
}

void TerminalProgress::Warn(std::string text) {
  const std::scoped_lock lock(mutex_);
  PrintAbove("warning: " + EscapeLines(text));
}

void TerminalProgress::PrintAbove(const std::string& line) {
  Erase();
  stream_ << line << "\n";
  Draw();
}

void TerminalProgress::Draw() {
  if (!title_.empty()) {
    const std::string line = meter_.started() ? title_ + ": " + meter_.Line() : title_;
    // One column stays free: a full last column makes some terminals wrap.
    stream_ << kEraseLine << CutToWidth(line, columns_ - 1);
    line_is_up_ = true;
    drawn_ = clock_.Steady();
  }
  stream_.flush();
}

void TerminalProgress::Erase() {
  if (line_is_up_) {
    stream_ << kEraseLine;
    line_is_up_ = false;
  }
}

PlainProgress::PlainProgress(std::ostream& stream, Clock& clock) : stream_(stream), clock_(clock) {}

void PlainProgress::PhaseStarted(Phase phase) {
  const std::scoped_lock lock(mutex_);
  meter_.Clear();
  printed_ = clock_.Steady();
  Print(Title(phase) + ": started");
}

void PlainProgress::PhaseFinished(Phase phase, PhaseState state, double seconds) {
  const std::scoped_lock lock(mutex_);
  Print(FinishedLine(phase, state, seconds));
}

void PlainProgress::Advanced(const Progress& progress) {
  const std::scoped_lock lock(mutex_);
  const SteadyTime now = clock_.Steady();
  meter_.Advance(progress, now);
  if (IsLast(progress) || !printed_ || now - *printed_ < kPlainInterval) {
    printed_ = printed_.value_or(now);
    return;
  }
  printed_ = now;
  Print(Title(progress) + ": " + meter_.Line());
}

void PlainProgress::Note(std::string text) {
  const std::scoped_lock lock(mutex_);
  Print(EscapeLines(text));
}

void PlainProgress::Warn(std::string text) {
  const std::scoped_lock lock(mutex_);
  Print("warning: " + EscapeLines(text));
}

void PlainProgress::Print(const std::string& line) {
  stream_ << line << "\n";
  stream_.flush();
}

void TeeSink::PhaseStarted(Phase phase) {
  std::ranges::for_each(sinks_, [&](const auto& sink) { sink->PhaseStarted(phase); });
}

void TeeSink::PhaseFinished(Phase phase, PhaseState state, double seconds) {
  std::ranges::for_each(sinks_,
                        [&](const auto& sink) { sink->PhaseFinished(phase, state, seconds); });
}

void TeeSink::Advanced(const Progress& progress) {
  std::ranges::for_each(sinks_, [&](const auto& sink) { sink->Advanced(progress); });
}

void TeeSink::Note(std::string text) {
  std::ranges::for_each(sinks_, [&](const auto& sink) { sink->Note(text); });
}

void TeeSink::Warn(std::string text) {
  std::ranges::for_each(sinks_, [&](const auto& sink) { sink->Warn(text); });
}

}  // namespace rehome
