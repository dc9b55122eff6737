"""Join settings, links and applications come with the next capability; today this app only reads."""
