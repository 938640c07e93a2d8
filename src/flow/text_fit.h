#pragma once
// text_fit.h — what of a text is given to the embedder: all of it, its beginning, or nothing.
#include <string>

#include "plan/plan.h"
#include "ports/embedder.h"

namespace rehome {

struct FittedText {
  std::string text;     // as it is embedded
  bool cut = false;     // its end was left out
  std::string refusal;  // not empty: it is not embedded, and why
};

/// An empty text is refused; one of more tokens than the embedder takes (as it estimates) is cut or
/// refused, as the plan says. Pure: the same text is always cut at the same place.
[[nodiscard]] FittedText FitText(const Embedder& embedder, EmbedderPlan::TooLong too_long,
                                 std::string text);

}  // namespace rehome
