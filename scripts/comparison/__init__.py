"""The comparison of the families that families.py makes: what is measured (measure.py), its sentences (words.py), its
plots (plots.py), and the page that holds them (page.py), which is made from the measurements and the cards alone."""
